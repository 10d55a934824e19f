"""The tables of the configuration file that are about the live bots; see :mod:`config.sections`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from config.kinds import Hours, Names, Section, Share, TimeZone


class Bot(Section):
    """The live bots: where they speak and who commands them."""

    allowed_chats: Names = Field((), examples=[("telegram:1234567890", "discord:9876543210")])
    """Chats the bot may speak in (platform:id, as in the archive; a Discord server or channel
    stands for the channels and threads in it); empty means none. `/chats allow` adds to these."""
    admins: Names = Field((), examples=[("telegram:user123456", "discord:9876543210")])
    """Accounts that may command it (platform:id, numeric); empty means none."""
    leave_unknown: bool = False
    """Leave groups that are not allowed, instead of staying silent there."""
    log_chats: bool = True
    """Keep what is said in allowed chats in the archive; the bot announces it there."""
    unlogged: Names = ()
    """Allowed chats (platform:id) of which nothing is kept."""
    patience_seconds: float = Field(120, gt=0)
    """A reply that takes longer than this to write is not sent; the admins are told. Seconds."""
    probation_replies: int = Field(200, ge=0)
    """Replies in which a newly promoted model is watched beside the one before: where it repeats
    itself, gives away, fails or is disliked by admins clearly more, that one answers again. 0 never
    takes a model back."""
    mark: str = Field("", max_length=40, examples=["🤖 "])
    """Stands before every message the bot writes, to say that it is one."""


class Telegram(Section):
    """Telegram's Bot API."""

    token: SecretStr | None = None
    """Token from BotFather; unset leaves Telegram alone."""
    url: str = "https://api.telegram.org"
    """Address of the Bot API; a server of your own (telegram-bot-api) may stand here."""
    webhook_url: str | None = Field(None, examples=["https://bot.example.org/telegram"])
    """Address at which Telegram calls the bot, through a proxy of yours that speaks https; unset
    asks Telegram for messages instead, which needs nothing."""
    webhook_listen: str = "127.0.0.1"
    """Where the bot waits for those calls."""
    webhook_port: int = Field(8443, ge=1, le=65535)
    """Port it waits at; the path is that of the address."""
    webhook_secret: SecretStr | None = None
    """Sent along with each call, and checked; unset makes one up at every start."""


class Discord(Section):
    """Discord, or a server that speaks its API."""

    token: SecretStr | None = None
    """Token from the developer portal; unset leaves Discord alone."""
    url: str = "https://discord.com/api/v10"
    """Address of the API, with its version; the gateway's is asked from there."""


class Talk(Section):
    """When it speaks without being asked, and how much at most. `/talk` changes it per chat."""

    threshold: Share = 0.5
    """Score (0 to 1) from which it speaks without being addressed: lower speaks more, 1 never.
    Once `atself gate` has learned when @self speaks, 0.5 is as often as @self did. Before, at 0.5
    it goes on with talks it is in, about one message in a hundred; at 0.3 it also answers questions
    to everybody."""
    per_hour: int = Field(12, ge=0)
    """Most replies in a chat per hour."""
    per_day: int = Field(120, ge=0)
    """Most replies in a chat in 24 hours."""
    per_person: int = Field(8, ge=0)
    """Most replies to one person per hour, all chats together."""
    cooldown_seconds: float = Field(60, ge=0)
    """After any reply in a chat, how long it says nothing there unless addressed."""
    quiet: Hours = Field("", examples=["23:00-08:00"])
    """Hours in which it says nothing; they may run over midnight. Empty has none."""
    quiet_answers: bool = False
    """In quiet hours still answer those who address it."""
    time_zone: TimeZone = "UTC"
    """Zone of the quiet hours (IANA name, such as Asia/Jakarta)."""
    names: Names = Field((), examples=[("Kev", "小明")])
    """Further names that call @self, besides those of the archive."""
    bots_in_a_row: int = Field(1, ge=0, le=3)
    """Most replies to other bots, where they address it, before a person speaks again."""
    stale_minutes: float = Field(15, gt=0)
    """Messages older than this are not answered any more."""
    here_minutes: float = Field(20, ge=0)
    """How long after you wrote in a chat yourself it leaves talking to you, unless addressed."""
    burst_seconds: float = Field(4, ge=0, le=60)
    """How long somebody must have stopped typing before they are answered; who writes line after
    line is given more, up to four times as long, and a private chat half."""
    pace: float = Field(1, ge=0, le=5)
    """How fast it writes: 1 as @self does, but the whole reply within 20 seconds; 0 sends at once,
    2 takes twice as long."""


class Schedule(Section):
    """What is done by itself, and when: cron expressions in local time; empty is never.

    What was missed while the bot was away is made up for once.
    """

    index: str = "*/15 * * * *"
    """Bring the index up to date."""
    gate: str = "20 4 * * 1"
    """Learn anew when @self speaks (`atself gate`), from what was said meanwhile."""
    ingest_folder: str = Field("", examples=["/srv/exports"])
    """A folder that exports are put in; empty reads none."""
    ingest: str = "5 * * * *"
    """Read what is new in that folder."""
    retrain: str = Field("", examples=["0 4 * * 0"])
    """Learn from what is new and rehearse beside what serves (`atself retrain`), as a process of
    low priority."""
    retrain_minutes: float | None = Field(None, gt=0, examples=[60.0])
    """Time budget of that training; unset takes train.minutes."""
    promote: Literal["ask", "rule"] = "ask"
    """Who lets a newly trained model serve: an admin, who is asked, or the rule that its report
    card passes, it is better on likeness than what serves, and no worse on any guard."""
    backup: str = "30 3 * * *"
    """Back up archive, state, settings and what is known of the models."""
    backups_kept: int = Field(7, ge=1)
    """Newest backups to keep."""


class Serve(Section):
    """Watching the bots while they run."""

    port: int = Field(0, ge=0, le=65535)
    """Port on loopback for /health and /metrics (Prometheus); 0 is none."""
    log_level: Literal["DEBUG", "INFO", "WARNING"] = "INFO"
    """What logs/bot.log tells."""
    log_days: int = Field(14, ge=1)
    """Days that logs are kept, bot.log a file a day."""
    log_texts: bool = False
    """Write what is said into the log, too; otherwise it has ids alone."""
