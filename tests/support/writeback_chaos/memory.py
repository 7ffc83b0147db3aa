"""What the driver knows to be allowed: whose value may stand or be overwritten, and which commission is which."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Edit:
    """A person's edit of one of our properties in HubSpot.

    `may_go`: it may be overwritten. `may_stand`: it may stay although the commission is another one.
    """

    value: str
    may_go: bool
    may_stand: bool


@dataclass
class Flight:
    """A process that is at work while other things happen; `operation` and `where` say what of it is held.

    `is_fenced`: its plan is no longer open, so it must not send anything any more, but for what is under way.
    """

    run_id: str
    operation: str
    where: str
    is_fenced: bool = False

    @property
    def may_write(self) -> bool:
        """Whether a value that it read before may still reach HubSpot."""
        return not self.is_fenced or (self.operation == "deals.batch.update" and self.where == "before")


@dataclass
class Memory:
    """Everything that the checks need and that neither HubSpot nor the database tells."""

    policy: str = "hold"
    mode: str = "on"
    flights: list[Flight] = field(default_factory=list)
    # By record and property, in the order in which they were made.
    edits: dict[tuple[str, str], list[Edit]] = field(default_factory=lambda: defaultdict(list))
    # How often the commission of a deal was changed.
    versions: Counter[str] = field(default_factory=Counter)
    # For which version of its commission a person decided that HubSpot's value stands, or gave up on the row.
    let_go: dict[str, int] = field(default_factory=dict)
    # The versions of all commissions when a run was undone, by the run that undid it.
    undone: dict[str, Counter[str]] = field(default_factory=dict)
    # How many batches had gone to HubSpot when the write-back was stopped, and those that were under way; None: it is on.
    batches_at_most: int | None = None
    archived: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def edited(self, record: str, name: str, value: str, *, may_go: bool = False) -> None:
        """Remember a person's edit; one that falls between reading and writing cannot be seen by anybody."""
        is_raced = any(flight.may_write for flight in self.flights)
        edit = Edit(value, may_go or is_raced or self.policy == "ours", is_raced or self.policy == "theirs")
        self.edits[record, name].append(edit)

    def paid(self, deals: Iterable[str]) -> None:
        """Remember that commissions have changed."""
        self.versions.update(deals)

    def with_policy(self, policy: str) -> None:
        """Remember what is done with people's edits from now on."""
        self.policy = policy
        for edit in self._all():
            edit.may_go |= policy == "ours"
            edit.may_stand |= policy == "theirs"

    def decided(self, deals: Iterable[str], decision: str) -> None:
        """Remember a person's word on the conflict or the failure of a deal."""
        for deal in deals:
            if decision != "ours":
                self.let_go[deal] = self.versions[deal]
            for (record, _), edits in self.edits.items():
                for edit in edits if record == deal and decision == "ours" else ():
                    edit.may_go = True

    def _all(self) -> Iterable[Edit]:
        return (edit for edits in self.edits.values() for edit in edits)
