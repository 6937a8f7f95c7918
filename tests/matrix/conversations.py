"""What the cells of the matrix ask, in no dialect's words: each front writes it in its own.

A scenario names an exchange of data/simulator (`sim/<scenario>`) and says what must come out, whoever serves. One with
two turns is asked again with the first answer in its history, as a client of that front would put it there.
"""
import dataclasses

PICTURE = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")
ANSWER = "Far water runs deep."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
          "required": ["city", "degrees"], "additionalProperties": False}
WEATHER = {"name": "get_weather", "description": "Weather of a city.",
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
TIME = {"name": "get_time", "description": "Time in a zone.",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}}
RESULTS = {"get_weather": "21 degrees", "get_time": "noon"}


@dataclasses.dataclass
class Ask:
    """turns: ("user" | "assistant", text); the last one is the user's and may carry a picture."""
    scenario: str
    turns: list
    system: str = ""
    picture: bool = False
    tools: list = dataclasses.field(default_factory=list)
    choice: str = ""              # "" | "none" | "required" | a tool's name
    parallel: bool = True
    schema: dict | None = None
    reasoning: bool = False
    parameters: dict = dataclasses.field(default_factory=dict)   # temperature, top_p, stop, max_tokens


@dataclasses.dataclass
class Said:
    """An answer without its dialect."""
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list = dataclasses.field(default_factory=list)        # (name, arguments as an object)
    finish: str = ""              # stop | tool_calls | length | content_filter
    input: int | None = None
    output: int | None = None
    raw: object = None            # what the front needs to write it into a history


@dataclasses.dataclass
class Scenario:
    name: str
    ask: Ask
    want: dict                    # members of Said that must be equal
    second: dict | None = None    # of the second turn


def user(text="Hello"):
    return [("user", text)]


LONG = [turn for n in range(30) for turn in (("user", f"Question {n}"), ("assistant", f"Answer {n}"))]
ONE_CALL = [("get_weather", {"city": "Paris"})]
TWO_CALLS = [*ONE_CALL, ("get_time", {"zone": "Europe/Paris"})]
TOOLS = [WEATHER, TIME]

SCENARIOS = [
    Scenario("text", Ask("text", user()), {"text": ANSWER, "finish": "stop", "input": 11, "output": 5}),
    Scenario("vision", Ask("vision", user("What is this?"), picture=True),
             {"text": "A red square.", "finish": "stop", "input": 270, "output": 4}),
    Scenario("tools", Ask("tools", user("Weather in Paris?"), tools=TOOLS),
             {"calls": ONE_CALL, "finish": "tool_calls", "input": 70, "output": 15},
             {"text": "It is 21 degrees in Paris.", "finish": "stop"}),
    Scenario("parallel tools", Ask("tools-parallel", user("Weather and time?"), tools=TOOLS),
             {"calls": TWO_CALLS, "finish": "tool_calls", "input": 90, "output": 30},
             {"text": "It is 21 degrees at noon.", "finish": "stop"}),
    Scenario("structured output", Ask("structured", user("Weather as JSON"), schema=SCHEMA),
             {"text": '{"city":"Paris","degrees":21}', "finish": "stop"}),
    Scenario("reasoning", Ask("reasoning", user("Why?"), reasoning=True),
             {"text": ANSWER, "reasoning": "Think of rivers.", "finish": "stop", "input": 12, "output": 25}),
    Scenario("reasoning returned", Ask("reasoning", user("Why?"), reasoning=True),
             {"text": ANSWER}, {"text": "Because of the rain."}),
    Scenario("long history", Ask("long-history", [*LONG, ("user", "Question 30")], system="Be brief."),
             {"text": ANSWER, "finish": "stop", "input": 300, "output": 5}),
    Scenario("stop sequence", Ask("stop-sequence", user(), parameters={"stop": ["END"]}), {"text": "Far water", "finish": "stop"}),
    Scenario("length", Ask("length", user()), {"text": "Far water", "finish": "length"}),
]
# Plain only: the request is what is looked at.
PLAIN_SCENARIOS = [
    Scenario("tool forced", Ask("tools-forced", user("Weather?"), tools=TOOLS, choice="get_weather"), {"calls": ONE_CALL}),
    Scenario("tool required", Ask("tools-required", user("Weather?"), tools=TOOLS, choice="required"),
             {"calls": ONE_CALL, "finish": "tool_calls"}),
    Scenario("one tool at a time", Ask("tools-single", user("Weather?"), tools=TOOLS, choice="required", parallel=False),
             {"calls": ONE_CALL, "finish": "tool_calls"}),
    Scenario("tools forbidden", Ask("tools-forbidden", user("Weather?"), tools=TOOLS, choice="none"), {"text": ANSWER}),
    Scenario("parameters", Ask("parameters", user(), system="Be brief.",
                               parameters={"temperature": 0.5, "top_p": 0.9, "max_tokens": 50}),
             {"text": ANSWER}),
]
