"""Queries about one person or one group: the tiles of a profile page."""

from pydantic import Field

from furze.hogql import ast
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body, WireUUID
from furze.query.kinds.series import actor_of, names_tuple
from furze.query.kinds.template import all_of, constant, expression


class OfEntity(Body):
    """Whom a query is about: a person, a group, or everybody.

    Who knows all of a person's distinct ids may name them as `distinctIds`: then only their events are read.
    """

    distinctIds: list[str] | None = None
    personId: WireUUID | None = None
    person_id: WireUUID | None = None
    groupKey: str | None = None
    group_key: str | None = None
    groupTypeIndex: int | None = Field(default=None, ge=0, le=4)
    group_type_index: int | None = Field(default=None, ge=0, le=4)

    def of_entity(self) -> ast.Expr | None:
        """The condition on an event to be about the person or the group; None for everybody."""
        person = self.personId or self.person_id
        key = self.groupKey or self.group_key
        if person is not None:
            of_person = expression("person_id = {person}", person=constant(person))
            return (
                all_of(of_person, expression("distinct_id IN {ids}", ids=names_tuple(self.distinctIds)))
                if self.distinctIds
                else of_person
            )
        if key is None:
            return None
        index = self.group_type_index if self.groupTypeIndex is None else self.groupTypeIndex
        if index is None:
            raise InvalidInput("A group needs its type index beside its key.", attr="query__group_type_index")
        return expression("{whose} = {key}", whose=actor_of(index), key=constant(key))
