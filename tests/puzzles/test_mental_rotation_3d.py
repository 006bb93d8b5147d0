"""MentalRotation3D: turns against integer geometry, fewest turns against exhaustive search, pictures against rays."""

import itertools

import numpy as np
import pytest

from mmgym_puzzles.imagery.cube_drawing import View, draw_cubes, seen
from mmgym_puzzles.imagery.cube_figures import grow_arms, looks_same, mirror, relative, shape_key, turn_upright
from mmgym_puzzles.imagery.mental_rotation_3d import LEVELS, PRESETS, MentalRotation3D
from mmgym_puzzles.imagery.rotations import IDENTITY, UPRIGHT, angle, any_rotation, apart, fewest, matrix, turned
from mmgym_puzzles.search import distances_to

# Two bent arms: half a turn about the axis y leaves the figure as it is.
ZIGZAG = ((0, 0, 0), (0, 0, 1), (1, 0, 1), (2, 0, 1), (2, 0, 2))
# Four arms that turn corners, one cube each but the first: no symmetry.
HOOK = ((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 2), (1, 1, 2))
VIEW = View(37, 24, face=(250, 170, 60), line=(60, 30, 10))
PAPER = (250, 250, 248)
SUBMIT = {"name": "submit"}
# Where a quarter turn, counter-clockwise as seen from the tip of an axis, takes a point.
QUARTERS = {"x": lambda x, y, z: (x, -z, y), "y": lambda x, y, z: (z, y, -x), "z": lambda x, y, z: (-y, x, z)}


def rotate(axis, degrees):
    return {"name": "rotate", "arguments": {"axis": axis, "degrees": degrees}}


def choose(figure):
    return {"name": "choose", "arguments": {"figure": figure}}


def to_corner(points):
    low = [min(part) for part in zip(*points, strict=True)]
    return tuple(sorted(tuple(a - b for a, b in zip(point, low, strict=True)) for point in points))


def quarter_turned(cubes, axis, times):
    for _ in range(times):
        cubes = [QUARTERS[axis](*cube) for cube in cubes]
    return to_corner(cubes)


def place(env, target, figures, right, turns_of):
    env._begin((target, tuple(figures), right, tuple(turns_of)))


def figures(count, seed=0, lengths=(2, 1, 2, 2)):
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        figure = grow_arms(rng, list(lengths), 1)
        if figure is not None:
            found.append(figure)
    return found


def drawn(cubes, q):
    image = np.full((96, 96, 3), PAPER, np.uint8)
    draw_cubes(cubes, q, VIEW, (48, 48), 48, PAPER).put(image)
    return image.astype(int)


@pytest.mark.parametrize("axis", "xyz")
def test_turns_are_those_of_integer_geometry(axis):
    for degrees, times in ((90, 1), (180, 2), (-90, 3)):
        q = turned(IDENTITY, axis, degrees)
        assert q in UPRIGHT and turn_upright(HOOK, q) == quarter_turned(HOOK, axis, times)
        assert angle(q) == pytest.approx(abs(degrees))
    back = turned(turned(IDENTITY, axis, 37), axis, -37)
    assert back == IDENTITY
    assert turned(turned(IDENTITY, axis, 45), axis, 45) == turned(IDENTITY, axis, 90)


@pytest.mark.parametrize("target", [ZIGZAG, HOOK])
def test_fewest_quarter_turns_are_those_of_a_search_of_all_ways_to_stand(target):
    def before(cubes):
        return [quarter_turned(cubes, axis, times) for axis in "xyz" for times in (1, 2, 3)]

    distances = distances_to([target], before)
    assert len(distances) == 24 // len(looks_same(target)) and max(distances.values()) == 2
    env = MentalRotation3D(level=2, image_size=32)
    env.reset(seed=0)
    for q in UPRIGHT:
        place(env, target, [target], 0, [q])
        assert env._turns_left() == env._expert_steps() == distances[turn_upright(target, q)] + 1
        at = turn_upright(target, q)
        while (call := env.expert()).name == "rotate":
            at = quarter_turned(at, call.arguments["axis"], call.arguments["degrees"] // 90 % 4)
            env.rotate(**call.arguments)
        assert at == target


def half_angles(axis):
    """The quaternions of all turns by whole degrees about an axis, (360, 4)."""
    halves = np.radians(np.arange(-179, 181)) / 2
    found = np.zeros((360, 4))
    found[:, 0], found[:, 1 + "xyz".index(axis)] = np.cos(halves), np.sin(halves)
    return found


def closest_by_two(q):
    """The smallest angle that two turns by whole degrees leave, by trying all."""
    w = np.array(q)
    best = 0.0
    for first, second in itertools.permutations("xyz", 2):
        one, other = half_angles(first), half_angles(second)
        # (second x first) . q, written as a table: rows are turns about the first axis.
        a, b = "xyz".index(first), "xyz".index(second)
        c = 3 - a - b
        sign = 1 if (a - b) % 3 == 2 else -1  # second x first is plus or minus the third axis
        dots = np.outer(one[:, 0], other[:, 0]) * w[0] + np.outer(one[:, 0], other[:, 1 + b]) * w[1 + b]
        dots += np.outer(one[:, 1 + a], other[:, 0]) * w[1 + a]
        dots += sign * np.outer(one[:, 1 + a], other[:, 1 + b]) * w[1 + c]
        best = max(best, np.abs(dots).max())
    return np.degrees(2 * np.arccos(min(1.0, best)))


def test_fewest_whole_turns_are_those_of_trying_all():
    rng, counts = np.random.default_rng(3), dict.fromkeys(range(4), 0)
    cases = [any_rotation(rng) for _ in range(25)]
    cases += [
        turned(turned(IDENTITY, *one), *other) for one, other in ((("x", 100), ("z", -35)), (("y", 9), ("x", 60)))
    ]
    cases += [turned(IDENTITY, "y", -117), turned(IDENTITY, "z", 180), turned(IDENTITY, "x", 5), IDENTITY]
    for q in cases:
        plan = fewest((q,), 1, 8)
        counts[len(plan)] += 1
        reached = IDENTITY
        for turn in plan:
            reached = turned(reached, *turn)
        assert angle(apart(reached, q)) <= 8 + 1e-6 and all(-180 <= d <= 180 and d for _, d in plan)
        alone = min(angle(apart(turned(IDENTITY, axis, d), q)) for axis in "xyz" for d in range(-179, 181))
        count = 0 if angle(q) <= 8 else 1 if alone <= 8 else 2 if closest_by_two(q) <= 8 else 3
        assert len(plan) == count, q
    assert all(counts.values())


def test_three_whole_turns_always_reach_any_rotation():
    rng = np.random.default_rng(5)
    for k in range(500):
        q = any_rotation(rng) if k else turned(turned(turned(IDENTITY, "x", 20), "y", 90), "z", 33)
        reached = IDENTITY
        for turn in fewest((q,), 1, 1.5):
            reached = turned(reached, *turn)
        assert angle(apart(reached, q)) <= 1.5


def test_a_symmetric_figure_may_stand_either_way():
    env = MentalRotation3D(level=1)
    env.reset(seed=0)
    half = turned(IDENTITY, "y", 180)
    assert looks_same(ZIGZAG) == [IDENTITY, half]
    place(env, ZIGZAG, [ZIGZAG], 0, [half])
    assert env.expert().name == "submit" and env._description() == "A A 0"
    *_, info = env.step(SUBMIT)
    assert info["success"]
    assert (drawn(ZIGZAG, half) == drawn(ZIGZAG, IDENTITY)).all()


def nearest_cubes(cubes, q, size, shown):
    """For points a pixel apart, the number of the cube of those shown that a ray from the viewer meets first, or -1."""
    held = np.array(cubes, float)
    held -= (held.min(axis=0) + held.max(axis=0)) / 2
    reach = np.linalg.norm(np.abs(held) + 0.5, axis=1).max()
    across = (np.arange(size) + 0.5 - size / 2) / ((size / 2 - 1) / reach)
    right, up, toward = VIEW.basis @ matrix(q)  # along the figure's own axes
    origins = across[None, :, None] * right - across[:, None, None] * up
    nearest, found = np.full((size, size), -np.inf), np.full((size, size), -1)
    for number in shown:
        ends = np.stack([(held[number] + sign / 2 - origins) / toward for sign in (-1, 1)])
        away, near = ends.min(axis=0).max(axis=-1), ends.max(axis=0).min(axis=-1)
        hit = (away < near) & (near > nearest)
        nearest[hit], found[hit] = near[hit], number
    return found


def test_cubes_hide_each_other_as_rays_say():
    rng = np.random.default_rng(2)
    for k, cubes in enumerate(figures(12, seed=4, lengths=(3, 2, 2, 2))):
        q = any_rotation(rng) if k % 2 else list(UPRIGHT)[k]
        found = nearest_cubes(cubes, q, 150, range(len(cubes)))
        alone = (nearest_cubes(cubes, q, 150, [0]) == 0).sum()
        shares = np.array([(found == number).sum() for number in range(len(cubes))]) / alone
        # The painter's cubes are a pixel larger, as OpenCV fills the outline too.
        assert np.abs(seen(cubes, q, VIEW, 150) - shares).max() < 0.12
        image = np.full((150, 150, 3), PAPER, np.uint8)
        draw_cubes(cubes, q, VIEW, (75, 75), 75, PAPER).put(image)
        assert ((image != PAPER).any(axis=-1) == (found >= 0)).mean() > 0.985


@pytest.mark.parametrize("level", LEVELS)
def test_every_other_way_to_stand_looks_different_and_all_cubes_of_the_target_are_seen(level):
    env = MentalRotation3D(level=level, image_size=32)
    for seed in range(6):
        env.reset(seed=seed)
        target, same = env.target, looks_same(env.target)
        assert seen(target, IDENTITY, VIEW).min() >= 0.25
        right = drawn(target, IDENTITY)
        for q in UPRIGHT:
            different = (np.abs(drawn(target, q) - right).max(axis=-1) > 30).sum()
            assert different == 0 if q in same else different > 60
            assert q in same or (np.abs(drawn(mirror(target), q) - right).max(axis=-1) > 30).sum() > 60


def test_mirror_images_and_relatives_are_other_figures_and_keys_know_all_turns():
    rng, keys = np.random.default_rng(0), set()
    for cubes in figures(40):
        key, chiral = shape_key(cubes)
        keys.add(key)
        assert all(shape_key(turn_upright(form, q))[0] == key for form in (cubes, mirror(cubes)) for q in UPRIGHT)
        assert chiral == all(turn_upright(mirror(cubes), q) != cubes for q in UPRIGHT)
        other = relative(rng, cubes)
        if other is not None:
            assert len(other) == len(cubes) and shape_key(other)[0] != key
            assert max(len(set(other) & {(x + a, y + b, z + c) for x, y, z in cubes})
                       for a, b, c in itertools.product((-1, 0, 1), repeat=3)) == len(cubes) - 1  # fmt: skip
    assert len(keys) > 25


@pytest.mark.parametrize("level", LEVELS)
def test_instances_are_what_the_level_says(level):
    settings = LEVELS[level]
    env = MentalRotation3D(level=level, image_size=32)
    rights = set()
    for seed in range(30):
        _, info = env.reset(seed=seed)
        low, high = settings.cubes
        assert low <= len(env.target) <= high and len(env.figures) == settings.figures
        assert env.figures[env.right] == env.target
        assert info["expert_steps"] == settings.needed + 1 + (env.right != 0) < settings.turns
        key = shape_key(env.target)[0]
        mirrored = [cubes for k, cubes in enumerate(env.figures) if k != env.right and shape_key(cubes)[0] == key]
        assert len(mirrored) <= 1 and all(looks_same(env.target) for _ in mirrored)
        for cubes in mirrored:
            assert all(turn_upright(cubes, q) != env.target for q in UPRIGHT)
        rights.add(env.right)
    assert len(rights) == settings.figures


@pytest.mark.parametrize(
    ("level", "call", "said"),
    [
        (1, rotate("x", 45), "a multiple of 90"),
        (1, rotate("x", 0), "0 degrees"),
        (1, rotate("w", 90), "one of x, y, z"),
        (1, rotate("x", 270), "from -180 to 180"),
        (4, rotate("x", 10**60), "at most 15 digits"),
        (1, choose("B"), "there is A"),
        (3, choose("C"), "there are A, B"),
        (3, choose("A"), "chosen already"),
        (3, choose("nothing"), "one of A, B, C"),
    ],
)
def test_calls_that_do_nothing_are_told(level, call, said):
    env = MentalRotation3D(image_size=32, level=level)
    env.reset(seed=0)
    before = env.state_key()
    observation, *_, info = env.step(call)
    assert said in observation["feedback"] and not info["action_effective"] and env.state_key() == before


def test_a_turned_back_figure_has_the_first_key_again_and_a_snapshot_keeps_any_turn():
    env = MentalRotation3D(level=5, image_size=48)
    env.reset(seed=0)
    first = env.state_key()
    env.step(choose("B"))
    env.step(choose("A"))
    assert env.state_key() == first
    env.step(rotate("x", 17))
    env.step(rotate("z", -111))
    other = MentalRotation3D(level=1, image_size=48)
    observation, _ = other.restore(env.snapshot())
    assert other.state_key() == env.state_key() != first
    assert (observation["image"] == env._image()).all()


def test_the_wrong_figure_loses_and_the_right_one_wins_once_it_stands_right():
    env = MentalRotation3D(level=3, image_size=48)
    env.reset(seed=0)
    quarter = turned(IDENTITY, "z", 90)
    for calls, success in (
        ([SUBMIT], False),
        ([choose("B"), SUBMIT], False),
        ([choose("B"), rotate("z", -90), SUBMIT], True),
        ([rotate("z", -90), choose("B"), SUBMIT], False),
    ):
        env.reset(seed=0)
        place(env, HOOK, [mirror(HOOK), HOOK], 1, [IDENTITY, quarter])
        for call in calls:
            _, reward, terminated, _, info = env.step(call)
        assert terminated and info["success"] == success and reward == success


def test_the_picture_is_drawn_anew_only_where_it_changed_and_says_the_same():
    env = MentalRotation3D(level=5, image_size=96)
    env.reset(seed=1)
    for call in (rotate("x", 30), choose("B"), rotate("y", -75), choose("C"), choose("A"), rotate("z", 10)):
        shown = env.step(call)[0]["image"]
        env._still, env._sprites = None, {}
        assert (env._image() == shown).all()


def test_the_text_twin_lists_the_cubes():
    env = MentalRotation3D(level=3, obs_mode="text")
    env.reset(seed=0)
    place(env, HOOK, [mirror(HOOK), HOOK], 1, [IDENTITY, turned(IDENTITY, "z", 90)])
    env.chosen = 1
    listed = " ".join(f"({x} {y} {z})" for x, y, z in HOOK)
    turned_listed = " ".join(f"({x} {y} {z})" for x, y, z in quarter_turned(HOOK, "z", 1))
    lines = env._text().split("\n")
    assert lines[0] == f"target: {listed}" and lines[2] == f"B (chosen): {turned_listed}"
    env.rotate("z", -90)
    assert env._text().split("\n")[2] == f"B (chosen): {listed}"
    fine = MentalRotation3D(level=4, obs_mode="text")
    fine.reset(seed=0)
    place(fine, HOOK, [mirror(HOOK), HOOK], 1, [IDENTITY, turned(IDENTITY, "z", 30)])
    last = fine._text().split("\n")[2]  # 30 degrees about z take (-.5, -.5) to (-.18, -.68)
    assert last.startswith("B: (") and "(-0.18 -0.68 -1.00)" in last and last.count("(") == 5


def test_presets_have_the_figures_of_visgym():
    for name, arms in (("visgym_easy", 4), ("visgym_hard", 6)):
        assert (PRESETS[name].arms, PRESETS[name].lengths, PRESETS[name].tolerance) == ((arms, arms), (2, 5), 10)
        env, sizes = MentalRotation3D(preset=name, image_size=32), []
        for seed in range(40):
            env.reset(seed=seed)
            sizes.append(len(env.target))
            assert env.max_turns == 20 and len(env.figures) == 1
        assert 1 + arms < min(sizes) and 2.5 * arms < np.mean(sizes) < 5 * arms and max(sizes) <= 1 + 5 * arms


def test_questions_are_answered_from_the_state():
    env = MentalRotation3D(level=3, image_size=32)
    env.reset(seed=0)
    place(env, HOOK, [mirror(HOOK), HOOK], 1, [IDENTITY, turned(IDENTITY, "y", 90)])
    asked = {}
    for seed in range(20):
        asked |= dict(env.questions(np.random.default_rng(seed)))
    assert asked == {
        "How many cubes long is the target along x?": "2",
        "How many cubes long is the target along y?": "2",
        "How many cubes long is the target along z?": "3",
        "Which figure is chosen?": "A",
        "Which figure has the shape of the target?": "B",
        "By how many degrees is it turned from the target, to the nearest 15?": "90",
        "How many turns does it need at least?": "1",
        "About which axis must it be turned?": "y",
        "How many cubes has the target?": "5",
        "How do the figures stand?": "A B 90",
    }


@pytest.mark.parametrize("size", [16, 33, 96, 225])
@pytest.mark.parametrize("split", ["train", "ood"])
def test_pictures_of_any_size(size, split):
    for level in LEVELS:
        image = MentalRotation3D(image_size=size, level=level, split=split).reset(seed=level)[0]["image"]
        assert image.shape == (size, size, 3) and image.std() > 5
