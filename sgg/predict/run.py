"""Predict many image files: they are read ahead, computed in batches, and written as they come, in flat memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sgg.evaluate.formats import FormatWriter
from sgg.structures import to_numpy
from sgg.viz.graph_picture import draw_picture

from .documents import document_of, write_document
from .given import BoxesFile, GivenBoxes
from .graph import ScoredGraph
from .images import ImageFile, Pixels, read_pixels
from .predictor import Predictor
from .workers import Workers, workers_for

THREADS = min(4, os.cpu_count() or 1)
"""Threads that decode images, and as many that draw pictures, beside the model."""


class _Read(NamedTuple):
    """An image file with its pixels, and the boxes that were given for it."""

    file: ImageFile
    pixels: Pixels
    boxes: GivenBoxes | None


@dataclass(frozen=True)
class Run:
    """How images are predicted, and where the results go.

    out: the folder of the results. batch: the number of images computed together. boxes: given boxes; None: those of
    the detector. top, threshold, once: as in `Predictor`. pictures: whether a picture is drawn of each. collected:
    takes the graphs of all images, in place of a document of each (`sgg.evaluate.formats`).
    """

    predictor: Predictor
    out: Path
    batch: int = 8
    boxes: BoxesFile | None = None
    top: int = 20
    threshold: float = 0.0
    pictures: bool = True
    once: bool = True
    collected: FormatWriter | None = None

    def predict(self, files: Sequence[ImageFile], on_image: Callable[[int, int], None]) -> list[str]:
        """Write the results of image files. Returns one line for each file that could not be read.

        on_image: called with the number of finished files and of all files. Raises OSError where a result cannot be
        written.
        """
        faults: list[str] = []
        images = self._read(files, faults)
        drawn: deque[Future[None]] = deque()
        done = 0
        batches = -(-len(files) // self.batch)
        with ThreadPoolExecutor(THREADS, "draw") as drawing, workers_for(self.predictor.device, batches) as workers:
            try:
                for batch, graphs in self._computed(images, workers):
                    for read, graph in zip(batch, graphs, strict=True):
                        self._write(read, graph)
                        if self.pictures:
                            drawn.append(drawing.submit(self._draw, read, graph))
                    while len(drawn) > THREADS:  # pictures that wait hold their pixels
                        drawn.popleft().result()
                    done += len(batch)
                    on_image(done + len(faults), len(files))
                for one in drawn:
                    one.result()
            finally:
                images.close()
                drawing.shutdown(cancel_futures=True)
        on_image(len(files), len(files))
        return faults

    def _computed(self, images: Iterator[_Read],
                  workers: Workers) -> Iterator[tuple[Sequence[_Read], Sequence[ScoredGraph]]]:
        """The images in order, in batches, with their graphs. Each worker has a batch, and one more is ready."""
        computing: deque[tuple[list[_Read], Future[list[ScoredGraph]]]] = deque()
        while True:
            while len(computing) <= workers.number and (batch := list(islice(images, self.batch))):
                computing.append((batch, workers.pool.submit(self._graphs, batch)))
            if not computing:
                return
            batch, graphs = computing.popleft()
            yield batch, graphs.result()

    def _graphs(self, batch: Sequence[_Read]) -> list[ScoredGraph]:
        boxes = None if self.boxes is None else [read.boxes for read in batch if read.boxes is not None]
        return self.predictor.predict([read.pixels for read in batch], [read.file.name for read in batch], boxes,
                                      self.top, self.threshold, self.once)

    def _read(self, files: Sequence[ImageFile], faults: list[str]) -> Generator[_Read, None, None]:
        """The files that can be read, in order; the others go to `faults`."""
        waiting: deque[tuple[ImageFile, Future[Pixels]]] = deque()
        to_come = iter(files)
        with ThreadPoolExecutor(THREADS, "decode") as decoding:
            try:
                while True:
                    for file in islice(to_come, self.batch + THREADS - len(waiting)):
                        waiting.append((file, decoding.submit(read_pixels, file.path)))
                    if not waiting:
                        return
                    file, pixels = waiting.popleft()
                    try:
                        read = pixels.result()
                        boxes = None if self.boxes is None else self.boxes.of(file.name, read.size)
                    except (ValueError, OSError, MemoryError) as error:
                        faults.append(_fault(file, error))
                        continue
                    yield _Read(file, read, boxes)
                    del read
            finally:
                decoding.shutdown(cancel_futures=True)

    def _write(self, read: _Read, graph: ScoredGraph) -> None:
        if self.collected is not None:
            self.collected.add(read.file.name, graph.size, graph, *map(to_numpy, (graph.label_scores,
                                                                                  graph.predicate_scores)))
            return
        mode = "sgdet" if self.boxes is None else self.boxes.mode
        write_document(self.out / f"{read.file.name}.json",
                       document_of(graph, read.file.name, mode, str(self.predictor.checkpoint.path)))

    def _draw(self, read: _Read, graph: ScoredGraph) -> None:
        draw_picture(self.out / f"{read.file.name}.graph.png", read.file.name, read.pixels.image, graph.shown())


def _fault(file: ImageFile, error: Exception) -> str:
    """One line that names the file."""
    text = str(error) if not isinstance(error, MemoryError) else "is too large for the memory"
    return text if str(file.path) in text or text.startswith(file.name) else f"{file.path}: {text}"
