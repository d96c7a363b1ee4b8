"""What is wrong with the machine that the connector runs on, and what people keep back on it."""

from __future__ import annotations

from connector.wording.said import Said, Sentence

# Whether anybody watches, and is reached.
NOBODY_REACHED = Sentence(
    "nobody_reached",
    "nobody is reached: neither this role nor ops has a channel",
    "无人可通知：该角色与运维（ops）都没有渠道",
)
WATCH_STANDS = Sentence(
    "watch_stands",
    "Nothing has been watched since {at}: alerts are missing. Last error: {error}",
    "自 {at} 起监视任务没有完成，提醒可能缺失。最近的错误：{error}",
)
WATCH_SILENT = Sentence(
    "watch_silent", "none; the job does not come to its end", "无；任务没有结束"
)
WATCH_THEN = Sentence(
    "watch_then",
    "It is tried again every minute, and goes on by itself once the cause is gone."
    " Look at /readyz, at the log, and type `connector check`",
    "每分钟重试，原因消除后自动恢复。请查看 /readyz 和日志，并执行 `connector check`",
)
WATCH_GOES_ON = Sentence(
    "watch_goes_on",
    "Everything is watched again, since {at}.",
    "自 {at} 起监视已恢复。",
)

# What this machine has run out of.
SHORT_OF_DISK = Sentence(
    "short_of_disk",
    "the disk is full, or does not work",
    "磁盘已满或有故障",
)
SHORT_OF_FILES = Sentence(
    "short_of_files",
    "no file descriptor is left: too many files and connections are open",
    "文件描述符已用尽：打开的文件和连接过多",
)
SHORT_OF_MEMORY = Sentence("short_of_memory", "the memory is used up", "内存不足")
SHORT_OF_LEAVE = Sentence(
    "short_of_leave", "it may not be written to: it is read-only", "只读，无法写入"
)
SHORT_HERE = Sentence("short_here", "this machine", "本机")
MAKE_ROOM = Sentence(
    "make_room",
    "what waits for it goes on by itself once this machine has enough again",
    "本机恢复后，等待的工作会自动继续",
)

# Its clock was set.
CLOCK_UNKNOWN = Sentence(
    "clock_unknown", "no other clock has confirmed it yet", "尚无其他时钟可以证实"
)
CLOCK_RIGHT = Sentence("clock_right", "the storefront's clock agrees with it", "与商城的时钟一致")
CLOCK_WRONG = Sentence(
    "clock_wrong",
    "the storefront's clock does not agree: set this machine's clock right",
    "与商城的时钟不一致：请校正本机时钟",
)

# A person keeps a system's calls back.
PAUSED = Sentence(
    "paused",
    "a person keeps its calls back until {until}: {reason}",
    "已人工暂停调用，至 {until}：{reason}",
)
WAITS_FOR_PAUSED = Sentence(
    "waits_for_paused",
    "waits: {system} is paused ({reason})",
    "等待：{system} 已暂停（{reason}）",
)

# What a machine is short of, by its name in `connector.shortage`.
SHORTAGES: dict[str, Said] = {
    "disk": SHORT_OF_DISK(),
    "files": SHORT_OF_FILES(),
    "memory": SHORT_OF_MEMORY(),
    "read_only": SHORT_OF_LEAVE(),
}
