import io

import numpy as np
import pandas as pd
import pytest

from core.lab import Array, Frame
from core.tables import count_replicas, frames_table

NETS, STEPS = 3, (0, 20, 40)


def values(step: int, nets: int = NETS) -> dict[str, Array]:
    numbers = np.arange(nets, dtype=float)
    return {
        "curve": np.add.outer(100 * numbers, np.arange(5)).astype(np.float32),
        "error": step + numbers,
        "pieces": np.where(numbers > 0, numbers, np.nan),
        "rivals": np.array([7.0, 8.0, 9.0, 10.0]),
        "best": np.array([step / 2]),
        "all_curves": np.arange(4.0).reshape(1, 4),
    }


def frames(nets: int = NETS) -> list[Frame]:
    return [Frame(step, STEPS[-1], values(step, nets)) for step in STEPS]


def test_a_row_for_each_step_and_net() -> None:
    table = frames_table(frames())
    assert list(table.columns) == ["step", "replica", "error", "pieces", "best"]
    assert len(table) == len(STEPS) * NETS
    assert not table.duplicated(["step", "replica"]).any()
    row = table[(table.step == 20) & (table.replica == 2)].iloc[0]
    assert (row.error, row.pieces, row.best) == (22, 2, 10)


def test_curves_on_demand_a_column_for_each_number() -> None:
    table = frames_table(frames(), curves=True)
    assert [name for name in map(str, table) if name.startswith("curve[")] == [f"curve[{index}]" for index in range(5)]
    row = table[(table.step == 40) & (table.replica == 1)].iloc[0]
    assert row["curve[3]"] == 103
    assert (table["rivals[2]"] == 9).all() and (table["all_curves[3]"] == 3).all()


@pytest.mark.parametrize("nets", [1, 2, 5])
def test_nets_are_counted(nets: int) -> None:
    assert count_replicas(values(0, nets)) == nets
    assert len(frames_table(frames(nets))) == nets * len(STEPS)


def test_one_net_keeps_its_curve_apart() -> None:
    table = frames_table(frames(1), curves=True)
    assert table["curve[4]"].tolist() == [4, 4, 4]
    assert "curve" not in frames_table(frames(1))


def test_csv_holds_every_digit() -> None:
    table = frames_table([Frame(0, 1, {"error": np.array([1 / 3, 2e-17])})])
    again = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    pd.testing.assert_frame_equal(again, table, check_exact=True)


def test_no_frames_make_an_empty_table() -> None:
    table = frames_table([])
    assert list(table.columns) == ["step", "replica"] and table.empty


def test_a_list_of_bends_is_no_number_for_each_net() -> None:
    bends = np.array([-1.0, 0.5, 2.0])
    frame = Frame(0, 1, {"error": np.ones(3), "hinges": bends})
    assert "hinges" not in frames_table([frame])
    assert (frames_table([frame], curves=True)["hinges[1]"] == 0.5).all()
