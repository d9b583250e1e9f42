"""Laying one mapping of a configuration over another."""

from collections.abc import Mapping


def merge(base: Mapping, overlay: Mapping) -> dict:
    """Lay one mapping over another as Snakemake does with several --configfile: mappings deeply, all else replaced."""
    merged = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged
