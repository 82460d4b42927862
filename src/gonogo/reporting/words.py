"""The fixed words of reports in English and Korean."""

from __future__ import annotations

from collections.abc import Collection, Mapping

LANGUAGES = ("en", "ko")
_RELEASING = frozenset({"predeploy", "canary", "postdeploy"})

WORDS: Mapping[str, Mapping[str, str]] = {
    "report": {"en": "Release gate", "ko": "릴리스 게이트"},
    "GO": {"en": "ready to release", "ko": "배포 가능"},
    "NO-GO": {"en": "do not release", "ko": "배포 불가"},
    "HOLD": {"en": "not decided yet", "ko": "판단 보류"},
    "well GO": {"en": "all is well", "ko": "이상 없음"},
    "well NO-GO": {"en": "something is wrong", "ko": "이상 있음"},
    "well HOLD": {"en": "not decided yet", "ko": "판단 보류"},
    "technical": {"en": "Technical", "ko": "기술"},
    "operations": {"en": "Operations", "ko": "운영"},
    "monitoring": {"en": "Monitoring", "ko": "모니터링"},
    "team": {"en": "Team", "ko": "팀"},
    "areas": {"en": "Readiness by area", "ko": "영역별 준비율"},
    "area": {"en": "Area", "ko": "영역"},
    "ready": {"en": "Ready", "ko": "준비율"},
    "passed": {"en": "Passed", "ko": "통과"},
    "open": {"en": "Open items", "ko": "미해결 항목"},
    "all": {"en": "All items", "ko": "전체 항목"},
    "item": {"en": "Item", "ko": "항목"},
    "verdict": {"en": "Verdict", "ko": "판정"},
    "why": {"en": "Why", "ko": "이유"},
    "saw": {"en": "Evidence", "ko": "증거"},
    "next": {"en": "Next step", "ko": "다음 조치"},
    "owner": {"en": "Owner", "ko": "담당"},
    "not due": {"en": "Not due yet", "ko": "아직 예정 전"},
    "not asked": {"en": "Not asked for", "ko": "요청되지 않음"},
    "wait": {"en": "Decidable", "ko": "판단 가능 시점"},
    "cause": {"en": "Likely cause", "ko": "추정 원인"},
    "no cause": {"en": "No cause named", "ko": "원인 미확정"},
    "root": {"en": "Look here first", "ko": "먼저 확인"},
    "notes": {"en": "Notes", "ko": "참고"},
    "idle": {"en": "Did not run", "ko": "실행되지 않음"},
    "evidence": {"en": "What was looked at", "ko": "확인한 내용"},
    "look": {"en": "Look", "ko": "확인 대상"},
    "started": {"en": "Started", "ko": "시작"},
    "took": {"en": "Took", "ko": "소요"},
    "ended": {"en": "Ended as", "ko": "결과"},
    "seen": {"en": "seen", "ko": "확인됨"},
    "more": {"en": "more", "ko": "더 보기"},
    "files": {"en": "Files of this run", "ko": "이 실행의 파일"},
    "run": {"en": "Run", "ko": "실행"},
}


def word(name: str, language: str) -> str:
    """The word in this language, in English where there is none."""
    return WORDS[name].get(language) or WORDS[name]["en"]


def decided(decision: str, phases: Collection[str], language: str) -> str:
    """What a decision says: of a release, or, where no phase of these is of one, of the system."""
    return word(decision if _RELEASING.intersection(phases) else f"well {decision}", language)
