"""Telephone numbers on the network."""

from __future__ import annotations

from pydantic import Field, model_validator

from greenroom.domain.numbers import MAX_LABEL, MAX_RULES, MAX_VALUES, MAX_WRITTEN
from greenroom.wire.model import In, Moment, Out, VersionNumber


class MatchIn(In):
    """How a header's value is compared: with one text, with how it begins, or with several texts. One of them."""

    exact: str | None = None
    prefix: str | None = None
    one_of: list[str] | None = Field(None, max_length=MAX_VALUES)

    @model_validator(mode="after")
    def _one(self) -> MatchIn:
        if sum(each is not None for each in (self.exact, self.prefix, self.one_of)) != 1:
            raise ValueError("give exact, prefix or one_of: one of them")
        return self


class ThenIn(In):
    """Where a call goes when the rule holds: an environment's alias, or a version, as a test. One of them."""

    environment: str | None = None
    version: VersionNumber | None = None

    @model_validator(mode="after")
    def _one(self) -> ThenIn:
        if (self.environment is None) == (self.version is None):
            raise ValueError("name an environment or a version: one of them")
        return self


class SipRuleIn(In):
    """What one SIP header changes about where a call goes. The first rule that holds decides."""

    header: str
    matches: MatchIn
    then: ThenIn


class NumberFields(In):
    """Where a number leads (an environment's alias, or the default entry), its rules and its label."""

    environment: str | None = Field(None, min_length=1, max_length=80)
    default_entry: bool = False
    sip_rules: list[SipRuleIn] | None = Field(None, max_length=MAX_RULES)
    label: str | None = Field(None, max_length=MAX_LABEL)


class NumberIn(NumberFields):
    """A number, with its country: `+44 20 7946 0000`. `environment` or `default_entry` is required."""

    number: str = Field(min_length=1, max_length=MAX_WRITTEN)

    @model_validator(mode="after")
    def _one(self) -> NumberIn:
        if (self.environment is None) == (not self.default_entry):
            raise ValueError("say where it leads: an environment, or default_entry: true")
        return self


class NumberChangeIn(NumberFields):
    """What to change of a number; what is left out stays."""

    @model_validator(mode="after")
    def _one(self) -> NumberChangeIn:
        if self.environment is not None and self.default_entry:
            raise ValueError("give an environment or default_entry, not both")
        return self


class MatchOut(Out):
    """How a header's value is compared."""

    exact: str | None = None
    prefix: str | None = None
    one_of: list[str] | None = None


class ThenOut(Out):
    """Where a call goes when the rule holds."""

    environment: str | None = None
    version: VersionNumber | None = None


class SipRuleOut(Out):
    """What one SIP header changes about where a call goes."""

    header: str
    matches: MatchOut
    then: ThenOut


class NumberOut(Out):
    """A number; `revision` is its ETag. The public cannot come in by one of an internal environment."""

    number: str
    label: str
    environment: str | None
    """Null where it follows the default entry."""
    default_entry: bool
    public: bool
    sip_rules: list[SipRuleOut]
    revision: int
    created_at: Moment
    changed_at: Moment
    changed_by: str
