"""The sentences that ask about tables, by kind of question; {show} is any way to begin an order.

A sentence held out is one that training never uses. The words in it may be known from other sentences: what is held
out is the way to put the question, not the language.
"""

from expertbuild.data.generators.asking import Forms

LISTING = Forms(
    (
        "{Show} the {what} of {table} {where}.",
        "{Show} {what} for {table} {where}.",
        "{Show} the {what} of all {table} {where}.",
        "{Show} {what} from {table} {where}.",
        "{Show} the {what} of the {table} {where}.",
        "{Show} the {what} of those {table} {where}.",
        "{Show} the {what} of every one of the {table} {where}.",
        "What is the {what} of {table} {where}?",
        "What are the {what} of the {table} {where}?",
        "Which {what} do {table} {where} have?",
        "{what} of {table} {where}",
        "For {table} {where}, {show} the {what}.",
        "For the {table} {where}, what is the {what}?",
        "Of all {table} {where}, {show} the {what}.",
        "Among the {table}, {show} the {what} of those {where}.",
        "From {table}, {show} the {what} of the ones {where}.",
        "{table} {where}: {what}",
    ),
    (
        "Take the {table} {where} and {show} their {what}.",
        "Go through the {table} and {show} the {what} of those {where}.",
        "Only the {table} {where}: {show} the {what}.",
        "Looking at the {table} {where}, what is the {what}?",
        "{Show} the {what} that belongs to the {table} {where}.",
        "In the {table}, {show} each {what} of the ones {where}.",
    ),
)
EVERYTHING = Forms(
    (
        "{Show} all {table} {where}.",
        "{Show} everything about {table} {where}.",
        "{Show} the {table} {where}.",
        "{Show} all about the {table} {where}.",
        "Which {table} are there {where}?",
        "{Show} every one of the {table} {where}.",
        "{Show} the full {table} {where}.",
    ),
    (
        "{Show} the whole rows of {table} {where}.",
        "{Show} all that is known about {table} {where}.",
    ),
)
COUNTING = Forms(
    (
        "How many {table} are there {where}?",
        "How many {table} {where}?",
        "Count the {table} {where}.",
        "Count all {table} {where}.",
        "What is the number of {table} {where}?",
        "{Show} the number of {table} {where}.",
        "{Show} how many {table} there are {where}.",
        "Number of {table} {where}",
        "For {table} {where}, {show} the count.",
        "What is the count of {table} {where}?",
        "Of the {table}, how many are there {where}?",
        "{Show} the count of {table} {where}.",
    ),
    (
        "Among the {table}, count those {where}.",
        "Take the {table} {where} and count them.",
        "How large is the number of {table} {where}?",
        "{Show} a count of all the {table} {where}.",
    ),
)
AGGREGATING = Forms(
    (
        "What is the {agg} {column} of {table} {where}?",
        "{Show} the {agg} {column} of {table} {where}.",
        "{Show} the {agg} {column} for {table} {where}.",
        "{agg} {column} of all {table} {where}",
        "For {table} {where}, what is the {agg} {column}?",
        "For the {table} {where}, {show} the {agg} {column}.",
        "Among the {table} {where}, what is the {agg} {column}?",
        "{Show} the {agg} {column} over all {table} {where}.",
        "What {agg} {column} do the {table} {where} have?",
        "Of all {table} {where}, {show} the {agg} {column}.",
    ),
    (
        "Looking at {table} {where}, what is the {agg} {column}?",
        "Take the {table} {where} and {show} their {agg} {column}.",
        "How large is the {agg} {column} of {table} {where}?",
        "In the {table} {where}, {show} the {agg} {column}.",
    ),
)
SORTED = Forms(
    (
        "{Show} the {what} of {table} {where} ordered by {key} {direction}.",
        "{Show} the {what} of {table} {where} sorted by {key} {direction}.",
        "{Show} {what} of {table} {where} by {key}, {direction}.",
        "{Show} the {what} of all {table} {where}, ordered by {key}, {direction}.",
        "Sort the {table} {where} by {key} {direction} and {show} the {what}.",
        "Order the {table} {where} by {key} {direction}: {show} the {what}.",
        "What is the {what} of {table} {where}, sorted by {key} {direction}?",
        "For {table} {where}, {show} the {what} by {key}, {direction}.",
        "{what} of {table} {where} in order of {key}, {direction}",
        "By {key}, {direction}, {show} the {what} of {table} {where}.",
    ),
    (
        "Arrange the {what} of {table} {where} by {key}, {direction}.",
        "{Show} the {what} for {table} {where} in order of {key}, {direction}.",
        "Put the {table} {where} in order of {key}, {direction}, and {show} the {what}.",
        "Go through the {table} {where} by {key}, {direction}: {show} the {what}.",
    ),
)
TOP = Forms(
    (
        "{Show} the {what} of the {n} {table} with the {agg} {key}.",
        "Which {n} {table} have the {agg} {key}? {Show} the {what}.",
        "{Show} the {what} of the {n} {table} that have the {agg} {key}.",
        "For the {n} {table} with the {agg} {key}, {show} the {what}.",
        "What is the {what} of the {n} {table} with the {agg} {key}?",
        "{what} of the {n} {table} with {agg} {key}",
        "Among all {table}, {show} the {what} of the {n} with the {agg} {key}.",
        "{Show} the {n} {table} with the {agg} {key}: only the {what}.",
    ),
    (
        "Take the {n} {table} with the {agg} {key} and {show} their {what}.",
        "Of all {table}, {show} the {what} of those {n} whose {key} is {agg}.",
        "Only the {n} {table} with the {agg} {key}: {show} the {what}.",
    ),
)
TOP_ONE = Forms(
    (
        "What is the {what} of the {table} entry with the {agg} {key}?",
        "{Show} the {what} of the one with the {agg} {key} in {table}.",
        "Among {table}, which one has the {agg} {key}? {Show} its {what}.",
        "{Show} the {what} of the one of the {table} that has the {agg} {key}.",
        "Which one of the {table} has the {agg} {key}? {Show} the {what}.",
        "For the one of the {table} with the {agg} {key}, what is the {what}?",
        "Of all {table}, {show} the {what} of the one with the {agg} {key}.",
    ),
    (
        "Take the one of the {table} with the {agg} {key} and {show} its {what}.",
        "Looking at {table}, what is the {what} of the one whose {key} is {agg}?",
    ),
)
GROUPED = Forms(
    (
        "How many {table} are there for each {group}?",
        "Count the {table} for each {group}.",
        "Count the {table} per {group}.",
        "{Show} each {group} and the number of {table}.",
        "{Show} the number of {table} by {group}.",
        "{Show} the number of {table} for each {group}.",
        "What is the number of {table} per {group}?",
        "For each {group}, {show} the number of {table}.",
        "For every {group}, how many {table} are there?",
        "{Show} how many {table} there are per {group}.",
        "Group the {table} by {group} and count them.",
        "By {group}, count the {table}.",
    ),
    (
        "By {group}, how many {table} do we have?",
        "{Show} every {group} with its count of {table}.",
        "Per {group}, what is the number of {table}?",
        "Take each {group} and count the {table}.",
    ),
)
GROUPED_BY = Forms(
    (
        "What is the {agg} {column} of {table} for each {group}?",
        "{Show} the {agg} {column} of {table} per {group}.",
        "{Show} the {agg} {column} of {table} by {group}.",
        "For each {group}, {show} the {agg} {column} of {table}.",
        "For every {group}, what is the {agg} {column} of the {table}?",
        "{Show} each {group} with the {agg} {column} of its {table}.",
        "Group the {table} by {group} and {show} the {agg} {column}.",
        "{agg} {column} of {table} for every {group}",
        "{Show} each {group} and the {agg} {column} of {table}.",
    ),
    (
        "By {group}, what is the {agg} {column} of {table}?",
        "Per {group}, {show} the {agg} {column} of the {table}.",
        "Take each {group} and {show} the {agg} {column} of its {table}.",
    ),
)
HAVING = Forms(
    (
        "Which {group} has {compared} {n} {table}?",
        "{Show} each {group} with {compared} {n} {table}.",
        "{Show} every {group} that has {compared} {n} {table}.",
        "{Show} the {group} values with {compared} {n} {table}.",
        "For which {group} are there {compared} {n} {table}?",
        "{Show} the {group} where there are {compared} {n} {table}.",
        "Which {group} values have {compared} {n} {table}?",
        "Group the {table} by {group} and {show} each {group} with {compared} {n}.",
    ),
    (
        "{Show} each {group} for which there are {compared} {n} {table}.",
        "By {group}, where are there {compared} {n} {table}?",
        "Every {group} with {compared} {n} {table}: which ones are there?",
    ),
)
HAVING_BY = Forms(
    (
        "Which {group} has a {agg} {column} {compared} {n} in {table}?",
        "{Show} each {group} of {table} where the {agg} {column} is {compared} {n}.",
        "{Show} every {group} of {table} with a {agg} {column} {compared} {n}.",
        "For which {group} is the {agg} {column} of {table} {compared} {n}?",
        "{Show} the {group} of {table} whose {agg} {column} is {compared} {n}.",
        "Which {group} values of {table} have a {agg} {column} {compared} {n}?",
    ),
    (
        "{Show} each {group} in {table} for which the {agg} {column} is {compared} {n}.",
        "By {group}, where is the {agg} {column} of {table} {compared} {n}?",
    ),
)
DISTINCT = Forms(
    (
        "What are the different {column} values of {table}?",
        "{Show} the distinct {column} of {table}.",
        "{Show} every different {column} in {table}.",
        "Which different {column} values do {table} have?",
        "{Show} the unique {column} of {table}.",
        "{Show} all distinct {column} values in {table}.",
        "Which distinct {column} values are there in {table}?",
        "For {table}, {show} each different {column}.",
        "{Show} the {column} of {table} without repeats.",
    ),
    (
        "Without repeats, {show} the {column} of {table}.",
        "Among the {table}, which unique {column} values are there?",
        "Go through the {table} and {show} each distinct {column}.",
    ),
)
COUNT_DISTINCT = Forms(
    (
        "How many different {column} values do {table} have?",
        "Count the distinct {column} of {table}.",
        "What is the number of different {column} values in {table}?",
        "How many distinct {column} values are there in {table}?",
        "{Show} the number of unique {column} values of {table}.",
        "{Show} how many different {column} values there are in {table}.",
    ),
    (
        "Among the {table}, how many unique {column} values are there?",
        "Count each different {column} of {table} once.",
    ),
)
COMPARED_TO_ALL = Forms(
    (
        "{Show} the {what} of {table} whose {column} is {side} the average.",
        "Which {table} have a {column} {side} average? {Show} the {what}.",
        "{Show} the {what} of {table} with {side} average {column}.",
        "{Show} the {what} of {table} where the {column} is {side} the average {column}.",
        "For {table} with a {column} {side} the average, {show} the {what}.",
        "What is the {what} of {table} with a {column} {side} the average?",
        "{Show} the {what} of the {table} that have a {column} {side} the average {column} of all {table}.",
    ),
    (
        "Take the {table} whose {column} is {side} the average and {show} their {what}.",
        "Among the {table}, {show} the {what} of those with a {column} {side} average.",
    ),
)
EXTREME_OF_ALL = Forms(
    (
        "{Show} the {what} of all {table} whose {column} equals the {agg} {column}.",
        "{Show} the {what} of every one of the {table} where the {column} is equal to the {agg} {column}.",
        "{Show} the {what} of all {table} with a {column} equal to the {agg} {column}.",
        "Which {table} have a {column} equal to the {agg} {column}? {Show} the {what}.",
    ),
    (
        "For all {table} whose {column} is equal to the {agg} {column}, {show} the {what}.",
        "Take all {table} with a {column} that equals the {agg} {column} and {show} their {what}.",
    ),
)
JOINED = Forms(
    (
        "{Show} the {child_column} of {child} and the {parent_column} of their {parent}.",
        "{Show} the {child_column} of each of the {child} with the {parent_column} of its {parent}.",
        "For all {child}, {show} the {child_column} and the {parent_column} of the {parent}.",
        "For each of the {child}, {show} its {child_column} and the {parent_column} of its {parent}.",
        "What is the {child_column} of the {child} and the {parent_column} of their {parent}?",
        "{child_column} of {child} together with the {parent_column} of the {parent}",
        "{Show} {child} by their {child_column}, with the {parent_column} of the {parent}.",
    ),
    (
        "Take all {child} and {show} their {child_column} with the {parent_column} of the {parent}.",
        "{Show} the {child_column} of every one of the {child}, and of its {parent} the {parent_column}.",
    ),
)
JOINED_WHERE = Forms(
    (
        "{Show} the {child_column} of {child} whose {parent} has {condition}.",
        "{Show} the {child_column} of {child} that belong to a {parent} with {condition}.",
        "Which {child_column} do {child} of a {parent} with {condition} have?",
        "{Show} the {child_column} of {child} for the {parent} with {condition}.",
        "For {child} of a {parent} with {condition}, {show} the {child_column}.",
        "What is the {child_column} of {child} whose {parent} has {condition}?",
        "{Show} the {child_column} of those {child} that have a {parent} with {condition}.",
        "{child_column} of {child} where the {parent} has {condition}",
        "Of all {child} that belong to a {parent} with {condition}, {show} the {child_column}.",
    ),
    (
        "Take the {child} whose {parent} has {condition} and {show} their {child_column}.",
        "Among the {child}, {show} the {child_column} of those that belong to a {parent} with {condition}.",
        "For the {parent} with {condition}, what is the {child_column} of its {child}?",
    ),
)
JOINED_COUNT = Forms(
    (
        "How many {child} are there for each {parent} {parent_column}?",
        "Count the {child} per {parent_column} of the {parent}.",
        "{Show} each {parent} {parent_column} and the number of its {child}.",
        "For each {parent_column} of the {parent}, how many {child} are there?",
        "{Show} the number of {child} for each {parent_column} of their {parent}.",
        "Group the {child} by the {parent_column} of the {parent} and count them.",
        "{Show} the number of {child} by {parent} {parent_column}.",
    ),
    (
        "By {parent_column} of the {parent}, how many {child} are there?",
        "Per {parent} {parent_column}, {show} the number of {child}.",
    ),
)
WITHOUT = Forms(
    (
        "{Show} the {parent_column} of {parents} that have no {child}.",
        "Which {parents} have no {child}? {Show} the {parent_column}.",
        "{Show} the {parent_column} of {parents} without any {child}.",
        "What is the {parent_column} of {parents} without {child}?",
        "For {parents} that have no {child}, {show} the {parent_column}.",
        "{Show} the {parent_column} of all {parents} with no {child}.",
        "{parent_column} of {parents} without {child}",
    ),
    (
        "Take the {parents} that have no {child} and {show} their {parent_column}.",
        "Among the {parents}, {show} the {parent_column} of those without any {child}.",
    ),
)
