"""What each recorded refusal of a chat-dialect vendor means to the gateway: kind, scope, seconds."""

from __future__ import annotations

ERRORS: dict[str, tuple[str, str, float]] = {
    "azure/01-err429-json-context": ("cool", "key+model", 1.0),
    "azure/10-err401-json": ("disable", "key", 0.0),
    "deepseek/05-err401-json": ("disable", "key", 0.0),
    "deepseek/11-err400-json": ("client", "upstream+model", 0.0),
    "groq/08-err401-json": ("disable", "key", 0.0),
    "groq/11-err400-json": ("elsewhere", "upstream+model", 0.0),
    "llamacpp/05-err500-json-image": ("elsewhere", "upstream+model", 0.0),
    "llamacpp/11-err400-json": ("client", "upstream+model", 0.0),
    "mistral/04-err400-json": ("cannot", "upstream+model", 0.0),
    "mistral/06-err401-json": ("disable", "key", 0.0),
    "ollama-openai/05-err401-json": ("disable", "key", 0.0),
    "openai/02-err400-json-context": ("client", "upstream+model", 0.0),
    "openai/04-err401-json": ("disable", "key", 0.0),
    "openai/08-err404-json": ("cannot", "upstream+model", 0.0),
    "openai/14-err400-json": ("client", "upstream+model", 0.0),
    "openai-completions/03-err400-json": ("client", "upstream+model", 0.0),
    "openai-completions/04-err404-json": ("cannot", "upstream+model", 0.0),
    "openai-completions/08-err400-json": ("client", "upstream+model", 0.0),
    "openrouter/01-err429-json": ("cool", "key+model", 20.0),
    "openrouter/06-err400-json-context": ("cannot", "upstream+model", 0.0),
    "openrouter/18-err401-json": ("disable", "key", 0.0),
    "perplexity/02-err400-json-context": ("cannot", "upstream+model", 0.0),
    "together/02-err401-json": ("disable", "key", 0.0),
}
