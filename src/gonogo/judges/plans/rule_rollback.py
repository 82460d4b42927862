"""A system's rule deployments into the one that would be taken back, or into why none is."""

from __future__ import annotations

from collections.abc import Sequence

from gonogo.model.rule_deployment import RuleChange, RuleDeployment


def plan_rule_rollback(deployments: Sequence[RuleDeployment], wanted: str | None = None) -> RuleChange | str:
    """`deployments` are newest first; `wanted` is the id of one of them, by default the newest. A text says why not.

    Only what is in force can be taken back: of each kind that is its newest deployment.
    """
    if not deployments:
        return "rule_deployments is empty: nothing was deployed"
    one = deployments[0] if wanted is None else next((each for each in deployments if each.id == wanted), None)
    if one is None:
        shown = ", ".join(each.id for each in deployments[:6])
        return f"there is no deployment {wanted} (there is {shown})"
    if one.back:
        return RuleChange(deployment=one, stands=True)
    if not one.in_force:
        occurred = "true" if one.taken_back else "false"
        return f"{one.id} is {one.status} with rollback_occurred {occurred}: neither in force nor taken back"
    later = [each.id for each in deployments[: deployments.index(one)] if each.kind == one.kind and not each.back]
    if later:
        return f"{one.id} is not in force any more: {later[0]} was deployed over it ({one.kind})"
    if not one.old:
        return f"{one.id} is the first of its kind: there is nothing to go back to"
    if one.old == one.new:
        return f"{one.id} went from {one.old} to {one.new}: there is nothing to go back to"
    notes = tuple(
        f"{each.id} is newer and stays: {each.kind} {each.old} -> {each.new}"
        for each in deployments[: deployments.index(one)]
        if not each.back
    )
    return RuleChange(deployment=one, notes=notes)
