"""What the services of this folder accept: durations, dates, labels, counts, models, zones. All raise `UsageError`."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from tornadogw.errors import UsageError
from tornadogw.settings.schema import did_you_mean

__all__ = [
    "checked_count",
    "checked_label",
    "checked_models",
    "checked_ref",
    "checked_rpm",
    "checked_zone",
    "format_factor",
    "parse_day",
    "parse_duration",
    "parse_factor",
]

MILLION = 1_000_000

_DURATION = re.compile(r"([0-9]{1,5})([mhdw])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FACTOR = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NO_ZONES = {"Factory", "localtime", "posixrules"}
"""Files among the zones that name no place: another machine has them differently, the database not at all."""
_LABEL = re.compile(r"[^\x00-\x1f\x7f]{0,100}")
_MODEL = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}")
_REF = re.compile(r"[!-~]{1,128}", re.ASCII)
_MOST_RPM, _MOST_ENTRIES, _MOST_FACTOR = 1_000_000, 1000, 1000


def parse_duration(text: str) -> int:
    """`90m`, `12h`, `30d`, `4w` to seconds. Raises `UsageError`."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or not int(found[1]):
        raise UsageError(
            f"{text!r} is not a duration: give a number and m, h, d or w, such as 30d",
            zh=f"{text!r} 不是时长：请填写数字加 m、h、d 或 w，例如 30d",
            field="expires",
        )
    return int(found[1]) * _SECONDS[found[2]]


def checked_label(label: str) -> str:
    if not _LABEL.fullmatch(label):
        raise UsageError(
            "a label has at most 100 characters and no control characters",
            zh="标签最多 100 个字符，不含控制字符",
            field="label",
        )
    return label


def checked_rpm(rpm: int | None) -> int | None:
    if rpm is not None and not 1 <= rpm <= _MOST_RPM:
        raise UsageError(
            f"requests per minute are 1 to {_MOST_RPM}, not {rpm}",
            zh=f"每分钟请求数须为 1 到 {_MOST_RPM}，而不是 {rpm}",
            field="rpm",
        )
    return rpm


def checked_models(models: Sequence[str] | None) -> tuple[str, ...] | None:
    if models is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in models))
    if not names or len(names) > _MOST_ENTRIES or not all(_MODEL.fullmatch(name) for name in names):
        raise UsageError(
            "the list of models has an empty or impossible name: give names separated by commas",
            zh="模型列表中有空的或不可能的名称：请用逗号分隔名称",
            field="models",
        )
    return names


def checked_count(what: str, count: int | None, most: int, *, zh: str, field: str = "") -> int | None:
    """A whole number of `what`, which Chinese calls `zh`, 1 to `most`, or None."""
    if count is not None and not 1 <= count <= most:
        raise UsageError(
            f"{what} are 1 to {most}, not {count}", zh=f"{zh}须为 1 到 {most}，而不是 {count}", field=field
        )
    return count


def parse_factor(text: str) -> int:
    """What a plan takes of a price, decimal text, to millionths."""
    if not _FACTOR.fullmatch(text.strip()) or not 0 < Decimal(text.strip()) <= _MOST_FACTOR:
        raise UsageError(
            f"{text!r} is not a price factor: give a decimal number above 0, at most {_MOST_FACTOR}, such as 0.8",
            zh=f"{text!r} 不是价格系数：请填写大于 0 且不超过 {_MOST_FACTOR} 的十进制数，例如 0.8",
            field="factor",
        )
    return int(Decimal(text.strip()) * MILLION)


def format_factor(millionths: int) -> str:
    return f"{Decimal(millionths) / MILLION:f}"


def checked_ref(ref: str | None) -> str | None:
    """A reference that makes something safe to repeat, or None."""
    if ref is not None and not _REF.fullmatch(ref):
        raise UsageError(
            f"{ref!r} is not a reference: 1 to 128 printable ASCII characters, no spaces",
            zh=f"{ref!r} 不是编号：须为 1 到 128 个可打印的 ASCII 字符，不含空格",
            field="ref",
        )
    return ref


def checked_zone(name: str) -> str:
    """The name of a time zone that this system knows."""
    known = zoneinfo.available_timezones() - _NO_ZONES
    if name not in known:
        raise UsageError(
            f"there is no time zone {name!r}; {did_you_mean(name, known)}",
            zh=f"没有时区 {name!r}：请用 IANA 名称，例如 Asia/Shanghai",
            field="zone",
        )
    return name


def parse_day(text: str, zone: str, *, later: int = 0) -> float:
    """The first moment of a day `YYYY-MM-DD` in the time zone `zone`, or of one so many days later, Unix seconds."""
    try:
        day = date.fromisoformat(text.strip() if _DAY.fullmatch(text.strip()) else "") + timedelta(days=later)
        begins = datetime(day.year, day.month, day.day, tzinfo=zoneinfo.ZoneInfo(zone))
        return begins.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a date: give YYYY-MM-DD", zh=f"{text!r} 不是日期：格式为 YYYY-MM-DD", field="day"
        ) from None
