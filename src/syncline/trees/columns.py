"""The types of stored columns. Not here: any table."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

TEXT, INT, BYTES = pl.String(), pl.Int64(), pl.Binary()
Columns = Mapping[str, pl.DataType]
