"""How far each actor came in a funnel: one pass over the actor's events, in the engine.

An actor's events are folded in order of time. For an ordered funnel the state holds, for each step, the times of the
steps of the latest attempt that reached it. An event that belongs to step k extends the attempt that stands at
step k - 1, if the conversion window is still open. For an unordered funnel the state holds when each step happened
last; as many of them as lie inside one window have been reached.
"""

from dataclasses import dataclass
from typing import Final, Literal

from furze.hogql import ast
from furze.query.kinds.template import any_of, constant, expression

Order = Literal["ordered", "strict", "unordered"]

_NEVER: Final = -(10**17)

_ORDERED: Final = """arrayFold(
    (attempts, event) -> if(length(attempts[{steps}]) = {steps}, attempts, arrayMap(
        step -> multiIf(
            {is_void}, emptyArrayInt64(),
            has(event.2, step) AND (step = 1 OR (
                length(attempts[step - 1]) > 0
                AND event.1 - attempts[step - 1][1] <= {reach}
                AND NOT (length(attempts[step]) > 0 AND attempts[step][1] = attempts[step - 1][1])
            )), arrayPushBack(if(step = 1, emptyArrayInt64(), attempts[step - 1]), event.1),
            attempts[step]
        ), range(1, {steps} + 1)
    )), {events}, {start})"""

# What an earlier event left behind is kept in the last place, because any event in between ends an attempt.
_STRICT: Final = """arrayFold(
    (attempts, event) -> if(length(attempts[{steps}]) = {steps}, attempts, arrayMap(
        step -> multiIf(
            step > {steps}, {longest},
            has(event.2, step) AND (step = 1 OR (
                length(attempts[step - 1]) > 0 AND event.1 - attempts[step - 1][1] <= {reach}
            )), arrayPushBack(if(step = 1, emptyArrayInt64(), attempts[step - 1]), event.1),
            emptyArrayInt64()
        ), range(1, {steps} + 2)
    )), {events}, {start})"""

_UNORDERED: Final = """arrayFold(
    (state, event) -> [
        arrayMap(
            step -> if(step = arraySort(k -> (state[1][k], k), event.2)[1], event.1, state[1][step]),
            range(1, {steps} + 1)
        ),
        if(length({together}) > length(state[2]), {together}, state[2])
    ], {events}, {start})"""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An attempt between these steps (counted from 0) ends when event number `number` of the exclusions happens."""

    number: int
    from_step: int
    to_step: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What makes an attempt: the number of steps, their order, and the conversion window in microseconds."""

    steps: int
    order: Order
    window: int
    exclusions: tuple[Exclusion, ...] = ()

    def best(self, events: ast.Expr) -> ast.Expr:
        """The times of the steps of an actor's best attempt, from `events`: an array of (time, step numbers)."""
        if self.order == "unordered":
            return self._unordered(events)
        if self.order == "strict":
            longest = _longest(ast.Field(("attempts",)))
            return _longest(self._fold(_STRICT, events, self.steps + 1, longest=longest))
        return _longest(self._fold(_ORDERED, events, self.steps, is_void=self._void()))

    def _fold(self, text: str, events: ast.Expr, places: int, **parts: ast.Expr) -> ast.Expr:
        start = ast.Array(tuple(ast.Call("emptyArrayInt64") for _ in range(places)))
        steps, reach = constant(self.steps), constant(self.window)
        return expression(text, steps=steps, reach=reach, events=events, start=start, **parts)

    def _void(self) -> ast.Expr:
        if not self.exclusions:
            return expression("step < 0")
        return any_of(
            [
                expression(
                    """has(event.2, {number}) AND step > {first} AND step <= {last}
                    AND length(attempts[step]) > 0 AND event.1 - attempts[step][1] <= {reach}""",
                    number=constant(-1 - exclusion.number),
                    first=constant(exclusion.from_step),
                    last=constant(exclusion.to_step),
                    reach=constant(self.window),
                )
                for exclusion in self.exclusions
            ]
        )

    def _unordered(self, events: ast.Expr) -> ast.Expr:
        folded = expression(
            _UNORDERED,
            steps=constant(self.steps),
            together=self._together(ast.Field(("state",))),
            events=events,
            start=ast.Array((constant([_NEVER] * self.steps), ast.Call("emptyArrayInt64"))),
        )
        # The state as a one-item array, so that the fold is computed once and named.
        return expression(
            "arrayMap(state -> if(length({together}) > length(state[2]), {together}, state[2]), [{folded}])[1]",
            together=self._together(ast.Field(("state",))),
            folded=folded,
        )

    def _together(self, state: ast.Expr) -> ast.Expr:
        return expression(
            "arraySort(arrayFilter(time -> time > {never} AND time >= arrayMax({state}[1]) - {reach}, {state}[1]))",
            state=state,
            never=constant(_NEVER),
            reach=constant(self.window),
        )


def _longest(attempts: ast.Expr) -> ast.Expr:
    return expression("arraySort(attempt -> (-length(attempt), attempt), {attempts})[1]", attempts=attempts)
