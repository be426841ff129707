import io

import numpy as np
import pandas as pd
import pytest

from core import book, stored
from core.lab import Array, Frame
from core.tables import frames_table

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


def replicas(nets: int = NETS) -> dict[str, range]:
    return {"replica": range(nets)}


def frames(nets: int = NETS) -> list[Frame]:
    return [Frame(step, STEPS[-1], values(step, nets)) for step in STEPS]


def test_a_row_for_each_step_and_net() -> None:
    table = frames_table(frames(), replicas())
    assert list(table.columns) == ["step", "replica", "error", "pieces", "best"]
    assert len(table) == len(STEPS) * NETS
    assert not table.duplicated(["step", "replica"]).any()
    row = table[(table.step == 20) & (table.replica == 2)].iloc[0]
    assert (row.error, row.pieces, row.best) == (22, 2, 10)


def test_curves_on_demand_a_column_for_each_number() -> None:
    table = frames_table(frames(), replicas(), curves=True)
    assert [name for name in map(str, table) if name.startswith("curve[")] == [f"curve[{index}]" for index in range(5)]
    row = table[(table.step == 40) & (table.replica == 1)].iloc[0]
    assert row["curve[3]"] == 103
    assert (table["rivals[2]"] == 9).all() and (table["all_curves[3]"] == 3).all()


def test_rows_go_over_several_axes() -> None:
    values = {
        "loss": np.arange(6.0).reshape(2, 3),
        "flat": np.arange(6.0),
        "epochs": np.array([10.0, 20.0]),
        "curve": np.zeros((2, 3, 7)),
        "other": np.zeros((5, 2)),
        "best": np.array(0.5),
    }
    rows = {"batch_size": (64, 512), "replica": range(3)}
    table = frames_table([Frame(0, 1, values), Frame(1, 1, values)], rows)
    assert list(table.columns) == ["step", "batch_size", "replica", "loss", "flat", "epochs", "best"]
    assert len(table) == 2 * 6
    row = table[(table.step == 1) & (table.batch_size == 512) & (table.replica == 1)].iloc[0]
    assert (row.loss, row.flat, row.epochs, row.best) == (4, 4, 20, 0.5)
    curves = frames_table([Frame(0, 1, values)], rows, curves=True)
    assert {"curve[6]", "other[9]"} <= set(curves.columns)


@pytest.mark.parametrize("name", book.lab_names())
def test_every_lab_has_numbers_in_its_table(name: str) -> None:
    lab, drawn = book.lab(name), stored.read(name)
    rows = lab.rows(lab.Params())
    table = frames_table(drawn, rows)
    numbers = table.drop(columns=["step", *rows])
    assert len(table) == len(drawn) * np.prod([len(places) for places in rows.values()])
    assert not table.duplicated(["step", *rows]).any()
    changing = [column for column in numbers if numbers[column].nunique() > 3]
    assert len(changing) >= 2, f"only {changing} of {list(drawn[-1].values)}"


def test_one_net_keeps_its_curve_apart() -> None:
    table = frames_table(frames(1), replicas(1), curves=True)
    assert table["curve[4]"].tolist() == [4, 4, 4]
    assert "curve" not in frames_table(frames(1), replicas(1))


def test_csv_holds_every_digit() -> None:
    table = frames_table([Frame(0, 1, {"error": np.array([1 / 3, 2e-17])})], replicas(2))
    again = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    pd.testing.assert_frame_equal(again, table, check_exact=True)


def test_no_frames_make_an_empty_table() -> None:
    table = frames_table([], replicas())
    assert list(table.columns) == ["step", "replica"] and table.empty


def test_a_list_of_bends_is_no_number_for_each_net() -> None:
    bends = np.array([-1.0, 0.5, 2.0])
    frame = Frame(0, 1, {"error": np.ones(3), "hinges": bends})
    assert "hinges" not in frames_table([frame], replicas())
    assert (frames_table([frame], replicas(), curves=True)["hinges[1]"] == 0.5).all()
