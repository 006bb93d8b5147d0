"""SVG: the renderer against what shapes measure, the similarity against what must not pay, the environment."""

import math

import numpy as np
import pytest

import mmgym
from mmgym_puzzles.generation import similarity
from mmgym_puzzles.generation.svg import SVG
from mmgym_puzzles.generation.svg_icons import ICONS
from mmgym_puzzles.generation.svg_pictures import COLORS, GROUNDS, LEVELS, SHADES
from mmgym_puzzles.generation.svg_renderer import draw, read_svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'


def render(body, size=200):
    return draw(read_svg(f"{HEAD}{body}</svg>"), size)


def area(body, size=200):
    """Covered area in square units, of black shapes on white."""
    return float((255 - render(body, size).astype(float)).mean() / 255 * 100 * 100)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<rect x="10" y="20" width="30" height="40"/>', 1200),
        ('<rect x="10" y="20" width="30" height="40" rx="5"/>', 1200 - (4 - math.pi) * 25),
        ('<rect width="40" height="40" ry="99"/>', math.pi * 400),
        ('<circle cx="50" cy="50" r="20"/>', math.pi * 400),
        ('<ellipse cx="50" cy="50" rx="20" ry="10"/>', math.pi * 200),
        ('<polygon points="10,10 50,10 10,50"/>', 800),
        ('<polyline points="10,10 50,10 10,50"/>', 800),
        ('<line x1="10" y1="50" x2="60" y2="50" stroke="black" stroke-width="4"/>', 200),
        ('<line x1="10" y1="50" x2="60" y2="50" stroke="black" stroke-width="4" stroke-linecap="square"/>', 216),
        (
            '<line x1="10" y1="50" x2="60" y2="50" stroke="#000" stroke-width="4" stroke-linecap="round"/>',
            200 + math.pi * 4,
        ),
        ('<rect x="20" y="20" width="30" height="30" fill="none" stroke="black" stroke-width="4"/>', 4 * 30 * 4),
        (
            '<rect x="20" y="20" width="30" height="30" stroke="black" stroke-width="4" stroke-linejoin="bevel"/>',
            34**2 - 8,
        ),
        ('<circle cx="50" cy="50" r="20" fill="none" stroke="black" stroke-width="4"/>', math.pi * (22**2 - 18**2)),
        ('<path d="M10 10h40v40h-40z m10 10h20v20h-20z"/>', 1600),
        ('<path fill-rule="evenodd" d="M10 10h40v40h-40z m10 10h20v20h-20z"/>', 1200),
        ('<path d="M10 10h40v40h-40z m10 10v20h20v-20z"/>', 1200),
        ('<path d="M30 50 A 20 20 0 0 1 70 50 Z"/>', math.pi * 200),
        ('<path d="M30 50 A 20 20 0 1 1 50 70 Z"/>', math.pi * 300 + 200),
        ('<path d="M30 50a20 20 0 0170 0z"/>', None),
        ('<path d="M10 50 Q 50 -30 90 50 Z"/>', 2 / 3 * 80 * 40),
        ('<path d="M10 50 C 10 10 90 10 90 50 Z"/>', 1920),
        ('<g transform="translate(20 10) scale(2)"><rect width="10" height="10"/></g>', 400),
        ('<rect x="20" y="40" width="30" height="10" transform="rotate(37 35 45)"/>', 300),
        ('<rect width="20" height="20" transform="translate(20,20) skewX(30)"/>', 400),
        ('<rect width="20" height="20" transform="matrix(1 0 0 2 5 5)"/>', 800),
        ('<g fill="none"><rect width="20" height="20" style="fill:black"/></g>', 400),
        ('<rect width="20" height="20" fill="none"/>', 0),
        ('<rect x="-50" y="-50" width="1000" height="1000"/>', 10000),
        ('<rect x="-500" y="30" width="10" height="10"/>', 0),
        ('<rect width="0" height="10"/><circle r="0"/><path d=""/><polygon points=""/>', 0),
    ],
)
def test_shapes_cover_what_they_measure(body, expected):
    if expected is None:  # flags of arcs may stand without spaces
        assert area(body) == area('<path d="M30 50 a 20 20 0 0 1 70 0 z"/>') > 0
    else:
        assert area(body) == pytest.approx(expected, rel=0.01, abs=1.0)


def test_the_viewbox_is_fitted_into_the_square():
    wide = draw(read_svg('<svg viewBox="0 0 200 100"><rect width="200" height="100"/></svg>'), 100)
    assert (wide[25:75] == 0).all() and (wide[:25] == 255).all() and (wide[75:] == 255).all()
    sized = draw(read_svg('<svg width="50px" height="50"><rect width="25" height="50"/></svg>'), 100)
    assert (sized[:, :50] == 0).all() and (sized[:, 50:] == 255).all()


def test_colors_are_mixed_exactly():
    assert tuple(render('<rect width="100" height="100" fill="rgb(10, 20, 30)"/>')[5, 5]) == (10, 20, 30)
    assert tuple(render('<rect width="100" height="100" fill="#fa0"/>')[5, 5]) == (255, 170, 0)
    assert tuple(render('<rect width="100" height="100" fill="RebeccaPurple"/>')[5, 5]) == (102, 51, 153)
    for half in ('opacity="0.5"', 'fill-opacity="0.5"'):
        assert tuple(render(f'<rect width="100" height="100" fill="red" {half}/>')[5, 5]) == (255, 127, 127)
    group = (
        '<g opacity="0.5"><rect width="100" height="100" fill="red"/><rect width="100" height="100" fill="blue"/></g>'
    )
    assert tuple(render(group)[5, 5]) == (127, 127, 255)


def test_a_mirrored_stroke_is_whole():
    line = '<path d="M10 10 L50 50 L90 10" fill="none" stroke="black" stroke-width="6"/>'
    assert area(f'<g transform="translate(100) scale(-1 1)">{line}</g>') == pytest.approx(area(line), rel=0.01)


def target(seed=0, level=3):
    env = SVG(level=level)
    env.reset(seed=seed)
    return env, env._measure()


@pytest.mark.parametrize("level", LEVELS)
def test_no_picture_of_one_color_scores_above_zero(level):
    rng = np.random.default_rng(level)
    for seed in range(12):
        _, measure = target(seed, level)
        colors = [*rng.integers(0, 256, (8, 3)), measure._mean, *np.unique(measure.picture.reshape(-1, 3), axis=0)[:8]]
        for color in colors:
            flat = np.broadcast_to(np.array(color, np.uint8), measure.picture.shape).copy()
            terms = measure.terms(flat)
            assert terms["similarity"] < 0.01 and terms["edges"] == terms["pixels"] == 0.0, (seed, color, terms)
        assert measure.terms(measure.picture)["similarity"] == 1.0


def test_noise_stripes_and_a_blank_page_do_not_pay():
    for seed in range(8):
        _, measure = target(seed)
        noise = np.random.default_rng(seed).integers(0, 256, measure.picture.shape, dtype=np.uint8)
        stripes = np.zeros_like(noise)
        stripes[::4] = 255
        for cheat in (noise, stripes, noise // 8 + measure._mean.astype(np.uint8) // 2):
            assert measure.terms(cheat)["similarity"] < 0.25


def test_similarity_falls_as_a_drawing_goes_astray():
    env, measure = target()
    code = env._code()
    scores = []
    for shift in (0, 1, 2, 4, 8):
        moved = code.replace("\n", f'\n<g transform="translate({shift})">', 2).replace("</svg>", "</g></g></svg>")
        scores.append(measure.terms(draw(read_svg(moved), similarity.SIDE))["similarity"])
    assert scores[0] == 1.0 and scores == sorted(scores, reverse=True) and scores[-1] < 0.6


def test_the_size_of_the_picture_changes_no_reward():
    rewards = []
    for size in (48, 224):
        env, rng = SVG(image_size=size, level=2, similarity_reward=1.0), np.random.default_rng(3)
        env.reset(seed=4)
        rewards.append(env.step(env.weak_call(rng))[1])
    assert rewards[0] == rewards[1]


def test_the_similarity_term_adds_up_to_the_best_similarity():
    env, rng = SVG(level=4, similarity_reward=0.5, max_turns=4), np.random.default_rng(0)
    env.reset(seed=2)
    total, best = 0.0, 0.0
    for _ in range(4):
        *_, info = env.step(env.weak_call(rng))
        total += info["reward_terms"]["similarity"]
        best = max(best, env.measured()["similarity"])
    assert total == pytest.approx(0.5 * env.best) and env.best == best > 0


def test_a_perceptual_score_of_the_users_own_counts():
    def brightness(one, other):
        return -abs(float(one.mean()) - float(other.mean()))

    def darkness(one, other):
        return -float(np.abs(one.astype(int) - other).max())

    env = SVG(perceptual=darkness, weights={"perceptual": 1.0})
    env.reset(seed=0)
    env.step(env.expert())
    assert env.measured()["perceptual"] == env.best == 1.0
    env.reset(seed=0)
    env.step({"name": "draw", "arguments": {"svg": f"{HEAD}</svg>"}})
    assert env.measured()["perceptual"] < 0.2
    flat = SVG(perceptual=lambda one, other: 1.0)
    flat.reset(seed=0)
    flat.step(flat.expert())
    assert flat.measured()["perceptual"] == 0.0  # it cannot tell the target from one colour
    assert SVG(perceptual=brightness).weights["perceptual"] == 1.0


def test_drawing_the_same_again_changes_nothing():
    env = SVG()
    env.reset(seed=0)
    call = {"name": "draw", "arguments": {"svg": f'{HEAD}<circle r="9"/></svg>'}}
    assert env.step(call)[4]["action_effective"]
    observation, *_, info = env.step(call)
    assert not info["action_effective"] and "already" in observation["feedback"]


def test_feedback_may_keep_the_score_to_itself():
    for told in (True, False):
        env = SVG(score_feedback=told)
        env.reset(seed=0)
        observation = env.step({"name": "draw", "arguments": {"svg": f'{HEAD}<circle r="9"/></svg>'}})[0]
        assert ("Similarity" in observation["feedback"]) == told


def test_every_icon_is_drawn_whole_and_questions_fit():
    env, seen = SVG(level=5), set()
    for seed in range(80):
        env.reset(seed=seed, options={"split": "ood" if seed % 2 else "train"})
        seen.add(env.picture.subject)
        asked = dict(env.questions(np.random.default_rng(0)))
        assert asked["What does the target show?"] == env.picture.subject
        assert env._code().count("<") == len(env.picture.parts) + 5
    assert seen == set(ICONS)


def test_looks_share_no_shade():
    assert not set(SHADES["usual"].values()) & set(SHADES["ood"].values())
    assert set(SHADES["ood"]) == {*COLORS, *GROUNDS}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"similarity_reward": -1}, "similarity_reward must be a number from 0"),
        ({"weights": {"beauty": 1}}, "pixels, ssim, edges"),
        ({"weights": {"pixels": 0}}, "not all 0"),
    ],
)
def test_bad_values_name_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match=message):
        SVG(**arguments)


def test_there_is_no_text_twin():
    with pytest.raises(mmgym.Unsupported):
        SVG(obs_mode="text")
