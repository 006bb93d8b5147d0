"""A person plays through the page, in a real Chromium: keys, forms, clicks, drags, slips, giving up."""

import http.client
import json
import threading

import gymnasium as gym
import pytest

from mmgym.bench.run import FIRST_SEED
from mmgym.env import unwrap
from mmgym.rollout import Executor, RolloutConfig
from mmgym.trajectory import EpisodeTask, Status
from mmgym.view.human import HumanAgent


class Session:
    """Episodes that a person plays, in a thread of their own."""

    def __init__(self, tasks, live=1):
        self.agent = HumanAgent(port=0)
        self.rollout = None
        self._config = RolloutConfig(live=live, lockstep=False, record_observations=True)
        self._thread = threading.Thread(target=self._play, args=(tasks,), daemon=True)
        self._thread.start()

    def _play(self, tasks):
        with Executor(self._config) as executor:
            self.rollout = executor.run(tasks, self.agent)

    def finish(self):
        self._thread.join(30)
        assert self.rollout is not None
        return self.rollout.trajectories


@pytest.fixture
def session():
    begun = []

    def begin(tasks, live=1):
        begun.append(Session(tasks, live))
        return begun[-1]

    yield begin
    for one in begun:
        one.agent.close()


def twin(task):
    """The environment of an episode, for the test to know the way."""
    env = gym.make(task.env_id, disable_env_checker=True, **task.kwargs)
    env.reset(seed=task.seed, options=task.options)
    return env


def lake(number):
    return EpisodeTask("mmgym/FrozenLake-v0", FIRST_SEED + number, options={"level": 1, "split": "test"})


def turn_of(tab, number, episode=1):
    tab.get_by_role("heading", name=f"episode {episode}, turn {number}", exact=False).wait_for()


def test_an_episode_by_arrow_keys_then_another_by_buttons(session, tab):
    tasks = [lake(0), lake(1)]
    played = session(tasks, live=2)
    tab.goto(played.agent.address)
    for episode, task in enumerate(tasks):
        env = twin(task)
        done, turn = False, 0
        while not done:
            call = unwrap(env).expert()
            way = call.arguments["direction"]
            turn_of(tab, turn + 1, episode + 1)
            assert tab.locator("#shown img").count() == 1
            if episode == 0:
                tab.keyboard.press(f"Arrow{way.capitalize()}")
            else:
                tab.get_by_role("button", name=way, exact=True).click()
            _, _, terminated, truncated, _ = env.step(call)
            done, turn = terminated or truncated, turn + 1
        env.close()
    first, second = played.finish()
    assert first.success and second.success
    tab.get_by_text("The last episode: solved in").wait_for()
    assert first.turns[0].text.startswith("move(") and first.turns[0].seconds_model > 0


def test_a_slip_costs_no_turn_and_giving_up_ends_the_episode(session, tab):
    played = session([lake(0)])
    tab.goto(played.agent.address)
    turn_of(tab, 1)
    tab.fill("#typed-text", "move(direction=sideways)")
    tab.keyboard.press("Enter")
    tab.get_by_role("alert").filter(has_text="up, down, left, right").wait_for()
    turn_of(tab, 1)
    tab.fill("#typed-text", "up")
    tab.keyboard.press("Enter")
    turn_of(tab, 2)
    assert tab.locator("#problem").inner_text() == ""
    tab.locator("#before summary").click()
    assert tab.locator("#history article").count() == 2
    tab.get_by_role("button", name="Give this episode up").click()
    (trajectory,) = played.finish()
    assert trajectory.status is Status.TRUNCATED and not trajectory.success and len(trajectory.turns) == 1


def test_a_click_on_the_picture_fills_in_coordinates(session, tab):
    task = EpisodeTask("mmgym/ReferringPoint-v0", FIRST_SEED, options={"level": 1, "split": "test"})
    played = session([task])
    tab.goto(played.agent.address)
    turn_of(tab, 1)
    env = twin(task)
    call = unwrap(env).expert()
    box = tab.locator("#shown img").bounding_box()
    size = env.observation_space["image"].shape[1] - 1
    env.close()
    tab.mouse.click(
        box["x"] + (call.arguments["x"] + 0.4) / size * box["width"],
        box["y"] + (call.arguments["y"] + 0.4) / size * box["height"],
    )
    tab.get_by_role("button", name="point", exact=True).click()
    turn_of(tab, 2)
    tab.get_by_role("button", name="submit", exact=True).click()
    (trajectory,) = played.finish()
    made = trajectory.turns[0].calls[0]["arguments"]
    assert abs(made["x"] - call.arguments["x"]) <= 1 and abs(made["y"] - call.arguments["y"]) <= 1
    assert trajectory.success


def test_only_this_machine_is_answered_and_only_calls_are_taken(session):
    played = session([lake(0)])
    port = int(played.agent.address.rsplit(":", 1)[1].strip("/"))

    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()

    state = json.loads(ask("GET", "/state/0")[1])
    assert ask("GET", "/", Host="evil.example")[0] == 403
    assert ask("GET", "/media/../../etc/passwd")[0] == 404
    up = json.dumps({"number": state["number"], "calls": [{"name": "move", "arguments": {"direction": "up"}}]})
    assert ask("POST", "/answer", up, **{"Content-Type": "text/plain"})[0] == 400
    kind = {"Content-Type": "application/json"}
    for wrong in ("[]", "7", '{"number": 99}', json.dumps({"number": state["number"], "calls": [{"name": "fly"}]})):
        status, content = ask("POST", "/answer", wrong, **kind)
        assert status == 200 and json.loads(content)["problem"]
    assert ask("POST", "/answer", up, **kind) == (200, b'{"problem": ""}')
    assert json.loads(ask("POST", "/answer", up, **kind)[1])["problem"], "the same turn is not played twice"
    state = json.loads(ask("GET", f"/state/{state['number']}")[1])
    assert state["turn"] == 2
    assert ask("POST", "/answer", json.dumps({"number": state["number"], "give_up": True}), **kind)[0] == 200
    played.finish()
