"""Settings: `config/connector.yaml`, overridden by environment variables `CONNECTOR_…`.

Secrets never stand in the file; they come from the environment (`CONNECTOR_SAP__PASSWORD`) or
from files named like the variable in the folder `CONNECTOR_SECRETS_DIR` (Docker secrets).
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from connector.errors import Misconfigured
from connector.gate import LEAVES_WITHIN
from connector.mapping.document import Block, Unreadable, place_of, read
from connector.mapping.finding import Finding
from connector.sections import (
    AnswersSection,
    BusinessUnitSection,
    CalendarSection,
    Delivery,
    DmsSection,
    NotifySection,
    PolicySection,
    PromisesSection,
    ReconciliationSection,
    RetentionSection,
    SapSection,
    ScheduleSection,
    SettlementSection,
    StorefrontSection,
    TargetName,
)

_CONFIG = "CONNECTOR_CONFIG"
_SECRETS_DIR = "CONNECTOR_SECRETS_DIR"
_YAML = "it must be valid YAML: indentation or quotes?"


class Settings(BaseSettings):
    """All settings. `connector check` says what is wrong with them."""

    model_config = SettingsConfigDict(
        env_prefix="CONNECTOR_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        secrets_prefix="connector_",
        secrets_nested_delimiter="__",
        secrets_dir_missing="error",
        extra="forbid",
    )

    database_url: str = "sqlite:///var/connector.db"
    mappings: Path = Path("mappings")
    output: Path = Path("var/out")
    shop: str = Field(default="shop", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    workers: int = Field(default=8, ge=1, le=64)
    health_address: str = "127.0.0.1"
    health_port: int = 8080
    status_token: SecretStr = Field(
        default=SecretStr(""),
        description="who shows it sees the status page; needed unless bound to this machine only",
    )
    traces_endpoint: str | None = Field(
        default=None,
        description="OTLP address over HTTP, for example http://collector:4318/v1/traces",
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    answers: AnswersSection = AnswersSection()
    storefront: StorefrontSection = StorefrontSection()
    sap: SapSection = SapSection()
    dms: DmsSection = DmsSection()
    calendar: CalendarSection = CalendarSection()
    schedule: ScheduleSection = ScheduleSection()
    promises: PromisesSection = PromisesSection()
    notify: NotifySection = NotifySection()
    retention: RetentionSection = RetentionSection()
    reconciliation: ReconciliationSection = ReconciliationSection()
    policy: PolicySection = PolicySection()
    business_units: list[BusinessUnitSection] = Field(min_length=1)
    settlement: SettlementSection = SettlementSection()
    delivery: dict[TargetName, Delivery] = Field(
        default={}, description="where finished files go, by a name of lower-case letters"
    )

    @field_validator("status_token")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 16:
            raise ValueError("a token that can be guessed is none: 16 characters or more")
        return value

    @model_validator(mode="after")
    def _settles_last(self) -> Settings:
        # A write leaves within this part of the settling time; the rest is the wire's.
        sections = (self.storefront, self.sap, self.dms, *self.delivery.values())
        deadlines = (getattr(each, "call_deadline", 0) for each in sections)  # a folder has none
        longest = max(deadlines) / (1 - LEAVES_WITHIN)
        if self.policy.settling.total_seconds() <= longest:
            raise ValueError(
                f"policy.settling must be longer than every call can take ({longest:g} s):"
                " until then an unanswered write may still take effect"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over secret files over the configuration file."""
        return (
            init_settings,
            env_settings,
            NestedSecretsSettingsSource(file_secret_settings),
            InitSettingsSource(settings_cls, init_kwargs=_written()),
        )


def config_file() -> Path:
    """Return where the configuration file is: `CONNECTOR_CONFIG`, else config/connector.yaml."""
    return Path(os.environ.get(_CONFIG, "config/connector.yaml"))


def load_settings(**overrides: Any) -> Settings:
    """Read and check all settings. Raises Misconfigured naming every wrong one."""
    path = config_file()
    if not path.is_file():
        raise Misconfigured(
            "there is no configuration file",
            place=str(path),
            remedy="run from the folder that holds config/, or set CONNECTOR_CONFIG",
        )
    secrets = os.environ.get(_SECRETS_DIR)
    if secrets and not Path(secrets).is_dir():
        raise Misconfigured(
            f"there is no folder {secrets}",
            place=_SECRETS_DIR,
            remedy="mount the secret files there, or leave the variable out",
        )
    try:
        return Settings(_secrets_dir=secrets, **overrides)
    except ValidationError as error:
        tree = _written()
        # The value itself is not shown: it may be a secret.
        found = error.errors(include_input=False, include_url=False)
        findings = [_finding(tree, each["loc"], each["type"], each["msg"]) for each in found]
        raise Misconfigured(
            "; ".join(findings), place=str(path), remedy="then `connector check`"
        ) from None
    except Unreadable as error:
        finding = error.finding
        raise Misconfigured(
            finding.message, place=f"{path}:{finding.line}", remedy=finding.suggestion or _YAML
        ) from None
    except Misconfigured:
        raise
    except Exception as error:
        raise Misconfigured(f"cannot be read: {error}", place=str(path), remedy=_YAML) from None


def _written() -> Block:
    """Return what the configuration file holds. Raises Unreadable."""
    path = config_file()
    tree = read(str(path), path.read_bytes()) or Block()
    if not isinstance(tree, Block):
        raise Unreadable(Finding(str(path), 1, 1, "yaml", "must hold settings by their names"))
    return tree


def _finding(tree: Block, location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(map(str, location))
    text = f"{name}: {message.removeprefix('Value error, ')}"
    if kind == "string_type":
        text += " — write it in quotes"
    variable = f"CONNECTOR_{str(location[0]).upper()}" if location else ""
    if any(each.upper().split("__")[0] == variable for each in os.environ):
        return text  # what is wrong may stand in the environment
    at = place_of(tree, location)
    return f"line {at.line}: {text}" if at.line else text


def unknown_variables() -> dict[str, str]:
    """Return environment variables that look like settings and are none → the nearest one, or "".

    Only the first word is looked at: a wrong one within a section is an error of its own.
    """
    known = {f"CONNECTOR_{name.upper()}": name for name in Settings.model_fields}
    unknown = {}
    for name in sorted(os.environ):
        upper = name.upper()
        first = upper.split("__")[0]
        if not upper.startswith("CONNECTOR_") or first in {*known, _CONFIG, _SECRETS_DIR}:
            continue
        near = get_close_matches(first, [*known, _CONFIG, _SECRETS_DIR], n=1)
        unknown[name] = near[0] + upper[len(first) :] if near else ""
    return unknown
