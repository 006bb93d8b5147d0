"""What a run prints of itself where nobody watches a terminal."""

import io

from rich.console import Console

from mmgym.learn.display import Display


def test_a_step_is_one_line_of_a_log():
    display = Display(None, active=True)
    display.console = Console(file=(shown := io.StringIO()), width=80)
    values = {"success": 0.5, "held_out": 0.965, "return": 1.01, "loss": -0.011, "tokens_per_second": 5401.0}
    display.update("grpo", 180, 180, values)
    assert shown.getvalue().count("\n") == 1 and shown.getvalue().endswith("5,401 tokens/s\n")
