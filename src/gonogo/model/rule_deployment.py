"""Deployments of rules, prompts and DSL, as a system's own table of them says, and taking one of them back."""

from __future__ import annotations

from dataclasses import dataclass

IN_FORCE = frozenset({"ACTIVE", "DEPLOYED", "SUCCESS", "SUCCEEDED", "COMPLETED"})  # as tables call it


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDeployment:
    """One row. `kind` is what was deployed (rule, prompt, dsl); `at` is RFC 3339; `old` is empty for a kind's first."""

    id: str
    kind: str
    old: str
    new: str
    at: str
    status: str
    taken_back: bool  # rollback_occurred

    @property
    def back(self) -> bool:
        """Whether both columns say that it was rolled back."""
        return self.taken_back and self.status not in IN_FORCE

    @property
    def in_force(self) -> bool:
        """Whether both columns say that it is in force."""
        return not self.taken_back and self.status in IN_FORCE


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A deployment that is to be taken back. `stands`: it was already."""

    deployment: RuleDeployment
    stands: bool = False
    notes: tuple[str, ...] = ()

    @property
    def goal(self) -> str:
        """What is in force afterwards."""
        one = self.deployment
        return f"{one.kind} {one.old} instead of {one.new} ({one.id})"
