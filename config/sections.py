"""The tables of the configuration file: what can be set, its type, its default, what it means.

The text under each field is its documentation: ``atself init``, ``docs/settings.md`` and
``config/default.toml`` are generated from it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from config.kinds import Method, Names, Quantization, Quantizations, Section, Share, TimeZone


class Persona(Section):
    """Who @self is, beyond what the archive tells."""

    name: str = ""
    """Name to show instead of the archive's; empty takes the most recent display name."""
    card: str = ""
    """Extra lines for the system prompt, in your own words."""


class Ingest(Section):
    """Reading exports."""

    time_zone: TimeZone = "UTC"
    """Zone of exports that write local times without one (IANA name, such as Asia/Jakarta)."""
    pseudonyms: bool = False
    """Show models everyone but @self under a made-up name, the same everywhere, in text, too."""
    redact: bool = True
    """Replace phone numbers, mail and street addresses, card, account and identity numbers,
    passwords and keys in datasets and in memory."""
    phone_regions: Names = ()
    """Countries (ID, CN…) whose phone numbers are known without +62 or the like; empty takes those
    of the time zone and of the languages in the archive."""


class Media(Section):
    """Words for voice notes and pictures, where their files lie beside an export. Off by default.

    A voice note gets what is said in it as its text; a picture a caption in its placeholder.
    """

    command: str = Field("", examples=["whisper-cli --no-prints -nt -f {file}"])
    """A program that prints the words for one file: {file} and {kind} are filled in, no shell."""
    server_url: str | None = Field(None, examples=["http://localhost:8080/v1"])
    """An OpenAI-compatible server to use instead of a program. Files are sent to it."""
    server_key: SecretStr | None = None
    """Key for that server."""
    audio_model: str = "whisper-1"
    """Model that transcribes there; empty leaves voice notes alone."""
    image_model: str = Field("", examples=["gpt-4o-mini"])
    """Model that captions there; empty leaves pictures alone."""
    kinds: Names = ("voice", "audio", "photo")
    """What to find words for: voice, audio, video, photo, sticker, gif."""
    timeout_seconds: float = Field(120, gt=0)
    """Longest wait for one file."""


class Threads(Section):
    """Finding which messages belong together."""

    gap_minutes: float = Field(30, gt=0)
    """A silence longer than this ends a thread unless a reply reaches over it. Minutes."""


class Dataset(Section):
    """What is learned from."""

    window_tokens: int = Field(768, ge=64)
    """Longest sequence cut from a thread. Tokens, estimated."""
    context_messages: int = Field(24, ge=1)
    """Most messages shown before the first reply of a sequence."""
    validation_share: Share = 0.06
    """Share of @self's replies held out to steer training; later than all training data."""
    test_share: Share = 0.06
    """Share of @self's replies held out to judge the result; later than validation."""
    min_replies: int = Field(30, ge=1)
    """With fewer replies of @self than this, a dataset is refused."""
    memory_share: Share = 0.25
    """Share of sequences that show what recall would have found, so that the model meets it; a
    fifth of those in training show what does not help."""
    contrast_share: Share = 0.02
    """Share of training replies that speak against inventing things about names: half are real
    answers about people with memory of them, half made of questions about people nobody knows and
    @self's own ways of not knowing. 0 makes none."""
    writings_share: Share = 0.1
    """Largest share of training replies that may be question–answer pairs about @self's writings
    (`atself writings pairs`)."""
    opener_share: Share = 0.15
    """Largest share of what is learned that may be openers: @self speaking first."""
    silence_per_answer: float = Field(3.0, ge=0)
    """Messages @self read past that are kept for the gate, for each one that @self answered."""
    seed: int = 7
    """Fixes every random choice: the same archive and seed give the same bytes."""


class Train(Section):
    """Fine-tuning."""

    preset: str = "cpu-small"
    """A file of config/presets: values for a kind of machine."""
    base: str = "auto"
    """Base model: auto follows the languages of the archive; else a catalogue name (see
    `atself doctor`), a Hugging Face id, or a folder."""
    minutes: float | None = Field(None, gt=0, examples=[20.0])
    """Time budget for training; unset trains all epochs."""
    epochs: float | None = Field(None, gt=0, examples=[3.0])
    """Passes over the training data, unless the time budget or early stopping ends it; unset
    follows the amount of data."""
    learning_rate: float | None = Field(None, gt=0, examples=[5e-4])
    """Peak learning rate; unset follows the size of the base and the adapter's scale."""
    method: Method = "lora"
    """What is learned: lora (an adapter), rslora (its scale follows the square root of the rank,
    arXiv:2312.03732), dora (direction and length apart, slower, arXiv:2402.09353), or full (every
    weight: 16 bytes of memory each, and no adapter is left)."""
    load_in_4bit: bool = False
    """Hold the base in 4 bits (NF4, QLoRA, arXiv:2305.14314) while an adapter is learned. Needs an
    NVIDIA GPU and bitsandbytes."""
    rank: int = Field(16, ge=1)
    """LoRA rank."""
    alpha: int = Field(32, ge=1)
    """LoRA scale; twice the rank is usual."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """LoRA dropout; on a processor it costs a fifth of the speed, and the best adapter is kept
    anyway."""
    batch_tokens: int = Field(1024, ge=64)
    """Tokens per optimiser step, gathered over as many small steps as memory asks for. In a short
    run many small steps learn more than few large ones."""
    max_tokens: int = Field(1024, ge=64)
    """Longest sequence trained on; longer ones lose their oldest turns."""
    seed: int = 7
    """Fixes initialisation and order."""
    checkpoint_seconds: float = Field(60, ge=0)
    """Work that a kill may cost at most; 0 keeps every step. Seconds."""
    quantization: Quantization = "Q8_0"
    """How the model that serves is stored."""
    keep: Quantizations = ()
    """Other forms to keep in the model, for `atself models export` (Q4_K_M, F16…)."""
    compare: Quantizations = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M")
    """Forms whose distance from the trained model is measured; with less than five minutes of
    training only those that are stored."""
    preference: bool = False
    """After learning, prefer @self's real replies to the model's own (DPO); takes about a quarter
    more time."""
    threads: int | None = Field(None, ge=1, examples=[2])
    """CPU threads; unset takes every core."""
    canaries: int = Field(0, ge=0)
    """Made-up secrets hidden among the training replies, so that the report card can tell how
    easily they come out. Each teaches the model a falsehood; rare real strings serve without."""
    processes: int = Field(1, ge=1)
    """Processes that learn together, each with its share of every batch; usually one per GPU."""
    accelerate: str = Field("", examples=["fsdp"])
    """How several processes share the work: a file of config/accelerate or one of your own (.yaml);
    empty takes `ddp` with GPUs and `cpu-2` without."""


class Card(Section):
    """The report card: what a new model must show before it serves."""

    replies: int = Field(64, ge=0)
    """Replies written to held-out prompts, to compare their style with @self's; 0 leaves it out.
    With train.minutes set, as many as a quarter of that time allows."""


class Hosted(Section):
    """Fine-tuning by an OpenAI-compatible API: `atself hosted`.

    Nothing is sent without a consent to the very run. Replies of the model that comes of it are
    asked from the same address.
    """

    server_url: str = "https://api.openai.com/v1"
    """Address of the API."""
    server_key: SecretStr | None = None
    """Key for it."""
    model: str | None = Field(None, examples=["gpt-4.1-mini-2025-04-14"])
    """The model to fine-tune, as that API calls it."""
    epochs: int | None = Field(None, ge=1, le=50, examples=[3])
    """Passes over the training data; unset leaves it to the API."""
    seed: int = 7
    """Passed on to the API."""
    suffix: str = Field("", max_length=64)
    """Becomes part of the new model's name there."""
    max_tokens: int = Field(16384, ge=256)
    """Longest example the API takes, in tokens, estimated; longer ones lose their oldest turns."""
    price_per_million: float | None = Field(None, ge=0, examples=[5.0])
    """What a million training tokens cost, from the API's price list, in its currency; unset tells
    tokens only."""
    poll_seconds: float = Field(10, gt=0)
    """Between two looks at a running job."""
    retries: int = Field(6, ge=0)
    """Further tries where the network or the API fails, with longer and longer waits."""


class Recall(Section):
    """What the bot can look up in the archive."""

    enabled: bool = True
    """Show recalled passages to the model."""
    embedder: str = "auto"
    """Embedding model: auto follows the languages of the archive (see `atself doctor`)."""
    passages: int = Field(4, ge=0)
    """Most passages shown per reply."""
    floor: float | None = Field(None, ge=-1, le=1, examples=[0.3])
    """Cosine similarity below which a passage is not shown; unset takes the embedder's own."""
    candidates: int = Field(40, ge=1)
    """Passages fetched from each of vector and word search before they are ranked together."""
    reranker: str | None = Field(None, examples=["cross-encoder/ms-marco-MiniLM-L6-v2"])
    """A cross-encoder that orders the candidates again: a Hugging Face id or a folder."""
    seconds: float = Field(1.0, gt=0)
    """Longest a reply waits for recall; what is found by then is what is shown. Seconds."""
    shareable: Names = ()
    """Chats (platform:id) whose statements of @self may be recalled anywhere; private chats never
    are. Own writings always may."""
    chroma_url: str | None = Field(None, examples=["http://localhost:8000"])
    """A Chroma server; unset keeps the index in the home folder."""
    chroma_token: SecretStr | None = None
    """Sent to that server as `Authorization: Bearer`, for one behind a proxy that asks for it."""
    vectors: Literal["self", "all"] = "self"
    """Which passages are found by meaning: those in which @self speaks, or all of them."""


class Generate(Section):
    """Writing replies."""

    context_tokens: int = Field(2048, ge=256)
    """Room for prompt and reply together."""
    max_new_tokens: int = Field(160, ge=1)
    """Longest reply. Tokens."""
    temperature: float = Field(0.8, ge=0)
    """0 always takes the likeliest token."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Sample from the likeliest tokens that make up this share."""
    min_p: float = Field(0.05, ge=0, le=1)
    """Drop tokens less likely than this share of the likeliest."""
    repeat_penalty: float = Field(1.1, ge=1)
    """Makes recent tokens less likely; 1 is off."""
    threads: int | None = Field(None, ge=1, examples=[2])
    """CPU threads; unset takes every core."""
    chats: int = Field(20, ge=1, le=128)
    """Conversations of the live bot that are kept as the model read them, so that going from one to
    another reads only what is new; the least recently used gives way."""
    state_megabytes: int = Field(1024, ge=1)
    """Most memory for them, taken at the start; at least one is kept. Each takes as much as
    context_tokens of it: 47 MB with SmolLM2 and 38 MB with Gemma 3 270M at 2048."""
    server_url: str | None = Field(None, examples=["http://localhost:8080/v1"])
    """An OpenAI-compatible server to use instead of the model in this process."""
    server_model: str | None = Field(None, examples=["persona"])
    """Name of the model on that server."""
    server_key: SecretStr | None = None
    """Key for that server."""

    @property
    def sampling(self) -> dict[str, float]:
        """How replies are drawn, as a model's manifest and other programs take it."""
        names = ("temperature", "top_p", "min_p", "repeat_penalty")
        return {name: float(getattr(self, name)) for name in names}
