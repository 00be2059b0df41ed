"""The animation of the README: a wave of demand crosses the map of the simulated store, from west to east.

    python -m benchmarks.pictures.shock_animation          # writes notebooks/figures/shock.gif
    python -m benchmarks.pictures.shock_animation --smoke  # a few frames of the tiny store, kept nowhere

What is drawn is what the shop can see: units over the usual level of each region (lesson 05), mean of three days.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.animation import FuncAnimation, PillowWriter

from ecomlib import load_store, plots
from ecomlib.spatial import Levels, RegionDays, day_split

FIGURE = Path(__file__).parents[2] / "notebooks" / "figures" / "shock.gif"
BEFORE, AFTER = 6, 22  # days around the steepest rise of the west


def draw(size: str, path: Path, frames: int) -> int:
    """Write the animation and return its bytes."""
    shop = load_store("simulated", size=size, seed=0).observed()  # type: ignore[arg-type]
    maps = RegionDays.from_store(shop)
    origins = day_split(len(maps.days), 56, 3)[0]
    levels = Levels.fit(maps, int(origins[-1]) + 3)
    mood = pd.DataFrame(levels.windows(maps, origins, look_back=1).z[:, 0, :, 0].numpy()).rolling(3).mean().to_numpy()
    percent = 100 * np.expm1(mood)
    rows, columns = maps.shape
    by_column = np.stack([percent[:, maps.spots[:, 1] == c].mean(axis=1) for c in range(columns)], axis=1)
    rise = by_column[6:-AFTER, 0] - by_column[3 : -AFTER - 3, 0]
    begin = 6 + int(np.argmax(rise)) - BEFORE
    begin = max(begin, 2)
    days = np.arange(begin, begin + BEFORE + AFTER)[:frames]

    plt.style.use(plots.STYLE)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6), dpi=75, width_ratios=(1, 1.5))
    grid = np.full((rows, columns), np.nan)
    grid[maps.spots[:, 0], maps.spots[:, 1]] = percent[days[0]]
    image = left.imshow(grid, vmin=-40, vmax=80)
    left.set(xticks=[], yticks=[], xlabel="west → east")
    left.grid(False)
    colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, columns))
    lines = []
    for c in range(columns):
        name = "west" if c == 0 else "east" if c == columns - 1 else f"column {c + 1}"
        lines += right.plot([], [], color=colours[c], lw=2.4, label=name, ls=("-", "--", "-.", ":")[c % 4])
    right.set(
        xlim=(0, len(days) - 1),
        ylim=(by_column[days].min() - 5, by_column[days].max() + 5),
        xlabel="days",
        ylabel="units over the usual level (%)",
    )
    right.axhline(0, color=plots.SOFT, lw=1)
    right.legend(loc="upper right", ncols=2, fontsize=9)
    figure.suptitle("A wave of demand crosses the country, column by column", fontweight="bold")

    def frame(k: int) -> list[object]:
        grid[maps.spots[:, 0], maps.spots[:, 1]] = percent[days[k]]
        image.set_data(grid)
        left.set_title(f"{maps.days[origins[days[k]]]:%a %d %B}", fontsize=11)
        for c, line in enumerate(lines):
            line.set_data(np.arange(k + 1), by_column[days[: k + 1], c])
        return [image, *lines]

    FuncAnimation(figure, frame, frames=len(days)).save(path, writer=PillowWriter(fps=4))
    plt.close(figure)
    return path.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a few frames of the tiny store, kept nowhere")
    smoke = parser.parse_args().smoke
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shock.gif"
        size = draw("tiny" if smoke else "small", path, 3 if smoke else BEFORE + AFTER)
        if not smoke:
            FIGURE.write_bytes(path.read_bytes())
    print(f"{size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
