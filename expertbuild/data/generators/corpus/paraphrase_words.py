"""Ways to say each part of a request, wide lists without any order of merit: signs, aggregates, orders, whole sentences.

Nothing is drawn here, and no task draws from here: a base may know the words, what is asked with them is the task's.
"""

SIGNS = {
    ">": (
        *("greater than", "more than", "above", "over", "higher than", "larger than", "bigger than", "exceeding"),
        *("in excess of", "beyond", "upwards of", "past"),
    ),
    "<": ("less than", "below", "under", "lower than", "smaller than", "beneath", "short of", "fewer than"),
    ">=": (
        *("at least", "no less than", "greater than or equal to", "not below", "not less than", "a minimum of"),
        *("or more than", "not under"),
    ),
    "<=": (
        *("at most", "no more than", "less than or equal to", "not above", "not more than", "a maximum of", "up to"),
        *("not over",),
    ),
    "=": ("", "", "equal to", "exactly", "precisely", "the same as", "just", "equal to exactly"),
    "<>": ("not", "other than", "different from", "not equal to", "anything but", "anything except", "unlike"),
}
DATES = {
    ">": ("after", "later than", "past", "following", "since after", "more recent than"),
    "<": ("before", "earlier than", "prior to", "ahead of", "until before"),
    "=": ("on", "exactly on", "precisely on", "dated"),
}
AGGREGATES = {
    "average": ("average", "mean", "arithmetic mean", "average value of", "typical", "mean value of"),
    "total": ("total", "sum of", "combined", "overall", "added up", "summed up", "aggregate", "whole"),
    "lowest": ("lowest", "smallest", "minimum", "least", "bottom", "minimal", "tiniest"),
    "highest": ("highest", "largest", "maximum", "greatest", "top", "biggest", "most", "peak", "maximal"),
}
UP = (
    *("in ascending order", "ascending", "from low to high", "lowest first", "smallest first", "increasing"),
    *("starting with the lowest", "going up", "from smallest to largest", "upwards", "the least first"),
)
DOWN = (
    *("in descending order", "descending", "from high to low", "highest first", "largest first", "decreasing"),
    *("starting with the highest", "going down", "from largest to smallest", "downwards", "the greatest first"),
)
SHOW = (
    *("List", "Show", "Give", "Give me", "Show me", "Display", "Find", "Get", "Return", "Print", "Tell me", "Name"),
    *("Fetch", "Look up", "I need", "I want", "I would like", "Let me see", "Report", "Retrieve", "Output", "Provide"),
    *("I am looking for", "We need", "Write down", "Pull up", "I want to know", "Present", "Bring up", "Identify"),
)
ALL = ("", "", "all ", "the ", "the ", "all the ", "every one of the ", "any ", "those ")
CONDITIONS = (
    *("where the {c} is {w} {v}", "whose {c} is {w} {v}", "with {c} {w} {v}", "with a {c} {w} {v}"),
    *("having a {c} {w} {v}", "that have a {c} {w} {v}", "for which the {c} is {w} {v}", "if the {c} is {w} {v}"),
    *("when the {c} is {w} {v}", "of {c} {w} {v}", "that show a {c} {w} {v}", "which have {c} {w} {v}"),
    *("as long as the {c} is {w} {v}", "in case the {c} is {w} {v}", "where {c} equals {w} {v}", "({c} {w} {v})"),
)
MISSING = (
    *("with no {c}", "without a {c}", "whose {c} is missing", "whose {c} is unknown", "that lack a {c}"),
    *("where no {c} is given", "for which the {c} was left out", "having no {c}", "with the {c} not filled in"),
)
LIST = (
    *("{show} the {what} of {all}{rows} {cond}.", "{show} {what} for {all}{rows} {cond}."),
    *("What is the {what} of {all}{rows} {cond}?", "What are the {what} of {rows} {cond}?"),
    *("Which {what} do {rows} {cond} have?", "For {all}{rows} {cond}, {lshow} the {what}.", "{what} of {rows} {cond}"),
    *("Among the {rows}, {lshow} the {what} of those {cond}.", "Take the {rows} {cond} and {lshow} their {what}."),
    *("Of all {rows} {cond}, what is the {what}?", "From the {rows}, {lshow} {what} {cond}."),
    *("There are {rows} {cond}: what is their {what}?", "{show} each {what} that belongs to {rows} {cond}."),
    *("Only the {rows} {cond}: {lshow} the {what}.", "Go through the {rows} {cond} and {lshow} the {what}."),
)
COUNT = (
    *("How many {rows} are there {cond}?", "Count the {rows} {cond}.", "What is the number of {rows} {cond}?"),
    *("How many {rows} {cond}?", "{show} the number of {rows} {cond}.", "{show} how many {rows} there are {cond}."),
    *("Number of {rows} {cond}", "What is the count of {rows} {cond}?", "{show} a count of {rows} {cond}."),
    *("Among the {rows}, how many are there {cond}?", "For the {rows} {cond}, {lshow} the count."),
    *("How large is the number of {rows} {cond}?", "Of the {rows}, count those {cond}.", "Say how many {rows} {cond}."),
)
AGGREGATE = (
    *("What is the {agg} {n} of {all}{rows} {cond}?", "{show} the {agg} {n} for {all}{rows} {cond}."),
    *("{show} the {agg} {n} over {rows} {cond}.", "{agg} {n} of {rows} {cond}"),
    *("For {rows} {cond}, what is the {agg} {n}?", "Looking at {rows} {cond}, {lshow} the {agg} {n}."),
    *("Work out the {agg} {n} across the {rows} {cond}.", "Compute the {agg} {n} of {rows} {cond}."),
    *("Among {rows} {cond}, how large is the {agg} {n}?", "Take {rows} {cond}: what is their {agg} {n}?"),
)
TOP = (
    *("{show} the {k} {rows} with the {agg} {n}.", "Which {k} {rows} have the {agg} {n}?"),
    *("{show} the {k} {rows} that have the {agg} {n}.", "The {k} {rows} of {agg} {n}"),
    *("By {n}, which are the {agg} {k} {rows}?", "{show} those {k} {rows} whose {n} is {agg}."),
    *("Among all {rows}, {lshow} the {k} with the {agg} {n}.", "Limit the {rows} to the {k} with the {agg} {n}."),
)
SORT = (
    *(
        "{show} {all}{rows} ordered by {n} {dir}.",
        "{show} {all}{rows} sorted by {n}, {dir}.",
        "Sort {rows} by {n} {dir}.",
    ),
    *("Arrange the {rows} by {n} {dir}.", "Order {all}{rows} by {n}, {dir}.", "{show} {rows} by {n} {dir}."),
    *("Put the {rows} in order of {n}, {dir}.", "Rank {rows} by {n} {dir}.", "{rows}, ordered by {n}, {dir}"),
)
GROUP = (
    *("How many {rows} are there for each {c}?", "Count the {rows} per {c}.", "{show} the number of {rows} by {c}."),
    *("For every {c}, {lshow} the number of {rows}.", "{show} each {c} and how many {rows} it has."),
    *("Break the {rows} down by {c} and count them.", "Group the {rows} by {c} and count.", "By {c}, how many {rows}?"),
    *("Per {c}, what is the number of {rows}?", "{show} a count of {rows} for each of the {c} values."),
)
GROUP_BY = (
    *("What is the {agg} {n} of {rows} for each {c}?", "{show} the {agg} {n} of {rows} per {c}."),
    *("For every {c}, {lshow} the {agg} {n} of the {rows}.", "By {c}, what is the {agg} {n} of {rows}?"),
    *("Group the {rows} by {c} and {lshow} the {agg} {n}.", "{show} each {c} with the {agg} {n} of its {rows}."),
    *("Break the {agg} {n} of {rows} down by {c}.", "Per {c}, how large is the {agg} {n} of {rows}?"),
)
HAVING = (
    *(
        "Which {c} has {w} {k} {rows}?",
        "{show} each {c} with {w} {k} {rows}.",
        "{show} every {c} that has {w} {k} {rows}.",
    ),
    *("For which {c} are there {w} {k} {rows}?", "{show} the {c} values that occur in {w} {k} {rows}."),
    *("Where the {rows} number {w} {k}, what is the {c}?", "{show} the {c} if it has {w} {k} {rows}."),
)
DISTINCT = (
    *(
        "What are the different {c} values of {rows}?",
        "{show} every distinct {c} of the {rows}.",
        "Which {c} values occur?",
    ),
    *(
        "{show} the unique {c} of {rows}.",
        "Without repeats, {lshow} the {c} of {rows}.",
        "{show} each {c} of {rows} once.",
    ),
    *("Leave out repeats and {lshow} the {c} of the {rows}.", "{show} which kinds of {c} the {rows} have."),
)
AVERAGE = (
    *("Which {rows} have a {n} {side} the average?", "{show} {rows} whose {n} is {side} the mean."),
    *("{show} the {rows} with {side} average {n}.", "{show} {rows} that have a {n} {side} the average of all."),
    *("Compared with the average {n}, which {rows} are {side} it?",),
)
SIDES = {
    "above": ("above", "higher than", "greater than", "over"),
    "below": ("below", "lower than", "less than", "under"),
}
RELATED = (
    *(
        "{show} the {what} of {rows} whose {other} has {c} {w} {v}.",
        "Which {rows} belong to the {other} with {c} {w} {v}?",
    ),
    *(
        "{show} {what} of the {rows} that go with a {other} of {c} {w} {v}.",
        "For the {other} with {c} {w} {v}, {lshow} the {what} of its {rows}.",
    ),
    *("{show} {what} for {rows} of any {other} where the {c} is {w} {v}.",),
)
MANNERS = (
    *("{}", "{}", "{}", "{}", "{}", "{}", "Please {}", "Can you {}?", "Could you {}?", "Would you {}?", "Kindly {}"),
    *("I want you to {}", "{}, please", "Hi, {}", "I would like you to {}", "{} Thanks.", "Will you {}?", "Now {}"),
)
ORDERS = (
    *("List", "Show", "Give", "Display", "Find", "Get", "Return", "Print", "Tell", "Name", "Fetch", "Look", "Report"),
    *("Retrieve", "Output", "Provide", "Count", "Work", "Compute", "Sort", "Arrange", "Order", "Put", "Rank", "Group"),
    *("Break", "Say", "Take", "Go", "Limit", "Write", "Pull", "Present", "Bring", "Identify", "Leave"),
)

FACTS = {
    "city": ("{who} lives in {v}", "{who}'s home is in {v}", "{who} comes from {v}", "{v} is where {who} lives"),
    "age": ("{who} is {v} years old", "{who} is {v}", "{who}'s age is {v}", "at the age of {v}, {who} is with us"),
    "job": ("{who} works as {v}", "{who} is employed as {v}", "{who}'s job is {v}", "by trade {who} is {v}"),
    "color": ("{who} likes {v}", "{who}'s favorite color is {v}", "the color that {who} prefers is {v}"),
    "bought": ("{who} bought {v}", "{who} ordered {v}", "{v} went to {who}", "{who} has paid for {v}"),
    "day": ("{who} comes on {v}", "on {v} {who} will be here", "{who} is expected on {v}", "the visit of {who} is on {v}"),
    "sum": ("{who} owes {v} euros", "the bill of {who} is {v} euros", "{v} euros are due from {who}"),
}  # fmt: skip
