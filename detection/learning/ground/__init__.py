"""The outline head: where on a marked tile the mining lies, judged window by window (ADR 22).

A kernel machine on the ranks of a window's numbers, taught by crops as bags (whoever labelled a crop said “some pits in here”)
and by the windows that lie within labelled superpixels of whole tiles. Arrays in, arrays out.
"""
