"""The picture of a topology: what is connected to what, drawn for a terminal, a document or a program.

    model        boxes, edges, threads: plain data;   build   topology → model;   threads   who runs what, without imports
    gather       fewer lines where many stages wait for the same others
    layering     which layer a box stands in;   mesh   long edges cut at every layer;   ordering   fewest crossings
    coordinates  straight lines;   channel   the stretch between two layers;   layout   all of it: boxes and polylines
    text         the terminal (canvas: cells to characters; label: what a name may do there)
    svg, mermaid, dot, data   the other formats

The layout knows no format: it counts in cells, which are characters in a terminal and a few pixels in an SVG.
"""

from hydraflow.picture.build import picture_of
from hydraflow.picture.model import Box, Edge, Picture

__all__ = ["Box", "Edge", "Picture", "picture_of"]
