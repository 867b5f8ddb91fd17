"""Which rows of which model a run reads, in the columns its destination wants."""

from collections.abc import Sequence

from furze.exports import datasets
from furze.exports.datasets import Dataset
from furze.exports.destination import Config, Destination
from furze.exports.ledger import Entry, Region, rows_to_carry
from furze.exports.types import Export, Run


def dataset_of(
    export: Export, run: Run, entries: Sequence[Entry], destination: Destination, config: Config, changed: Region
) -> Dataset:
    """The rows of a run, without those that other deliveries of the same export brought.

    `changed` is when persons must have changed: the positions that were given while the run's window went on.
    """
    if export.model == "persons":
        return datasets.persons(project_id=export.project_id, region=changed, layout=destination.layout)
    return datasets.events(
        project_id=export.project_id,
        rows=run.region.sql() if run.is_resend else rows_to_carry(run.region, run.owner, entries),
        layout=destination.layout,
        include=config.include_events,
        exclude=config.exclude_events,
    )
