"""The gateway's conformance suite: recorded answers, a stream with everything, requests of the vendor's own client."""

from __future__ import annotations

import json
from pathlib import Path

import tornadogw_dashscope
from tornadogw_dashscope import DashScope

from tornadogw.testing import Fault, Golden, VendorSuite

COMMAND = {
    "type": "function",
    "function": {
        "name": "execute_shell_command",
        "description": "Execute given command and return the return code, standard output and\nerror within "
        "<returncode></returncode>, <stdout></stdout> and\n<stderr></stderr> tags.",
        "parameters": {
            "properties": {
                "command": {"description": "The shell command to execute.", "type": "string"},
                "timeout": {
                    "default": 300,
                    "description": "The maximum time (in seconds) allowed for the command to run.",
                    "type": "integer",
                },
            },
            "required": ["command"],
            "type": "object",
        },
    },
}
CALCULATOR = {
    "type": "function",
    "function": {
        "name": "calculator_react_test",
        "description": "Evaluate a simple arithmetic expression and return the numeric result.",
        "parameters": [
            {
                "name": "expression",
                "type": "string",
                "description": "The arithmetic expression to evaluate, e.g. '3 * 7'.",
                "required": True,
            }
        ],
    },
}
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
USAGE = {
    "input_tokens": 20,
    "output_tokens": 9,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 3},
}


def event(message: dict, reason: str = "null", usage: dict = USAGE, index: int = 0) -> dict:
    choice = {"index": index, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return {"output": {"choices": [choice]}, "usage": usage, "request_id": "q-1"}


def sse(*events: dict) -> bytes:
    told = (
        f"id:{at}\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(each)}\n\n" for at, each in enumerate(events, 1)
    )
    return "".join(told).encode()


def piece(arguments: str, **more: object) -> dict:
    return {"index": 0, "id": "", "type": "function", "function": {"arguments": arguments}, **more}


EVERYTHING = sse(
    event({"content": "", "reasoning_content": "Hm"}, usage={"input_tokens": 20, "output_tokens": 1}),
    event({"content": "", "reasoning_content": "."}),
    event({"content": "你"}),
    event({"content": "好"}),
    event({"content": "", "tool_calls": [piece('{"x"', id="call_1", function={"name": "f", "arguments": '{"x"'})]}),
    event({"content": "", "tool_calls": [piece(":1}")]}),
    event({"content": ""}, "tool_calls"),
)
SEVERAL = sse(
    event({"content": "A"}),
    event({"content": "X"}, index=1),
    event({"content": "B"}, "stop"),
    event({"content": "Y"}, "length", index=1),
)
SUMMED = sse(event({"content": "It"}), event({"content": "It seems"}), event({"content": "It seems so."}, "stop"))


def refused(code: str) -> bytes:
    return json.dumps({"code": code, "message": "No.", "request_id": "q-1"}).encode()


SAMPLES = {"everything": EVERYTHING, "several choices": SEVERAL, "whole texts each time": SUMMED}
WHOLE = {
    "everything": json.dumps(
        event({"content": "你好", "reasoning_content": "Hm.", "tool_calls": [CALL]}, "tool_calls")
    ).encode(),
    "whole texts each time": json.dumps(event({"content": "It seems so."}, "stop")).encode(),
}
ASKED = {
    "02-json": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "image_url",
                        "image_url": {"url": "https://dashscope.oss-cn-beijing.aliyuncs.com/images/dog_and_girl.jpeg"},
                    },
                    {"type": "text", "text": "What do you see in this image?"},
                ],
            }
        ],
        "stream": False,
    },
    "04-json-tools-parallel": {
        "messages": [
            {
                "role": "system",
                "content": "You are a helpful assistant. When asked to run multiple commands, you MUST call "
                "execute_shell_command for EACH command in a SINGLE response with parallel tool calls.",
            },
            {"role": "user", "content": "Run these two shell commands in parallel: echo hello and echo world"},
        ],
        "tools": [COMMAND],
        "stream": False,
    },
    "07-stream": {
        "messages": [
            {"role": "system", "content": "You are a helpful assistant named Friday."},
            {"role": "user", "content": "Please introduce Einstein briefly"},
            {
                "role": "user",
                "content": "You have failed to generate response within the maximum iterations. "
                "Now respond directly by summarizing the current situation.",
            },
        ],
        "stream": True,
    },
    "10-stream-tools": {
        "messages": [{"role": "user", "content": "What is 6 multiplied by 7?"}],
        "seed": 700291534,
        "tools": [CALCULATOR],
        "stream": True,
    },
}
DIFFERS = {
    "parameters.max_tokens": "the gateway always sets a limit",
    "parameters.result_format": "the multimodal endpoint knows no other form",
    "parameters.incremental_output": "means nothing without a stream",
    "parameters.stream": "the client's own; a header asks for the stream",
}


class TestDashScope(VendorSuite):
    vendor = DashScope()
    model = "qwen-max"
    folders = ("dashscope-native",)
    samples = SAMPLES
    whole = WHOLE
    asked = ASKED
    goldens = (
        Golden(
            name="thinking, in a tool loop",
            asked={
                "model": "qwen-plus",
                "messages": [
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": "", "reasoning_content": "Hm.", "tool_calls": [CALL]},
                    {"role": "tool", "tool_call_id": "call_1", "content": "42"},
                ],
                "reasoning_effort": "high",
                "max_tokens": 9,
                "stream": True,
            },
            body={
                "model": "qwen-plus",
                "input": {
                    "messages": [
                        {"role": "user", "content": "hi"},
                        {
                            "role": "assistant",
                            "content": "",
                            "reasoning_content": "Hm.",
                            "tool_calls": [{key: value for key, value in CALL.items() if key != "index"}],
                        },
                        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
                    ]
                },
                "parameters": {
                    "result_format": "message",
                    "incremental_output": True,
                    "max_tokens": 9,
                    "enable_thinking": True,
                },
            },
            path="/api/v1/services/aigc/text-generation/generation",
        ),
    )
    differs = DIFFERS
    faults = (
        Fault(kind="disable", scope="key", status=401, body=refused("InvalidApiKey")),
        Fault(kind="disable", scope="key", status=400, body=refused("Arrearage")),
        Fault(kind="cannot", status=404, body=refused("ModelNotFound"), code="model_not_found"),
        Fault(kind="cool", scope="key+model", status=429, body=refused("Throttling.RateQuota"), seconds=20.0),
        Fault(kind="cool", scope="key", status=429, body=refused("Throttling.AllocationQuota"), seconds=300.0),
        Fault(kind="client", status=400, body=refused("DataInspectionFailed"), code="content_filter"),
        Fault(kind="client", status=400, body=refused("InvalidParameter")),
        Fault(kind="elsewhere", status=500, body=refused("InternalError.Algo")),
        Fault(kind="cool", scope="upstream+model", status=503, body=refused("ModelUnavailable")),
    )
    quality = Path(tornadogw_dashscope.__file__).with_name("quality.toml")
