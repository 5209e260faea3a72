"""How people ask along relationships: who owns what, who owns nothing, how many each one owns.

Tables of a phrase grammar (see `phrases`), beside those of `question_words`. `out` is said of the side an arrow starts
from, `back` of the side it points to. Values: `verb` (own or owns, by the number of what it stands with), `base` after
a helper, `passive`, `type` (OWNS), `other` (the thing at the other end), `as`, `a`, `bs`, `b` (both sides).
"""

RELATED = r"""
where_out                       # people who own something
  5* that {verb} {other} | 3* who {verb} {other} | which {verb} {other} | with a {type} relationship to {other} | {joined} {other} by {type}
~ with {type} to {other} | which have a {type} relationship to {other}
joined
  linked to | connected to
does_out
  6* {many} {other} | have a {type} relationship to {other} | are {joined} {other} by {type}
~ have {type} to {other} | do have a {type} relationship to {other}
where_back                      # things that someone owns
  4* that {other} {other_verb} | 2* which {other} {other_verb} | with a {type} relationship from {other} | {joined} {other} by {type}
~ which have a {type} relationship from {other} | with {type} from {other}
where_passive
  5* {passive} {other} | 3* that {be} {passive} {other} | that {other} {other_verb} | which {other} {other_verb}
~ which {be} {passive} {other} | with {type} from {other}
does_back
  have a {type} relationship from {other} | are {joined} {other} by {type}
~ have {type} from {other}
does_passive
  6* are {passive} {other} | have a {type} relationship from {other} | are {joined} {other} by {type}
~ have {type} from {other} | have been {passive} {other}
which_back                      # a whole question
  3* which {plural} {other_helps} {other} {base}? | 2* what {plural} {other_helps} {other} {base}? | {other} {other_verb} which {plural}? | tell me which {plural} {other} {other_verb}.
~ I want to know which {plural} {other} {other_verb}. | {other} {other_verb} what {plural}?
known                           # one end, by name
  5* {v} | 2* the {end} {v} | 2* the {end} named {v} | 2* the {end} called {v} | {a end} named {v} | the {end} with the name {v}
~ {a end} called {v} | the {end} by the name {v} | {a end} with the name {v}
such                            # one end, by a condition; {some}: in the number of what is said
  3* {a end} {end_where} | 2* some {end} {end_where} | any {end} {end_where}
~ at least one {end} {end_where}
such_many
  3* {ends} {end_where} | some {ends} {end_where} | any {ends} {end_where}
~ at least some {ends} {end_where}
where_out_not                   # people who own nothing
  4* that {do_not} {base} any {other} | 2* who {do_not} {base} any {other} | that {verb} no {other} | that {do_not} {base} {a other} | with no {type} relationship to any {other}
  who {verb} no {other} | without a {type} relationship to any {other}
~ which {do_not} {base} any {other} | which {verb} no {other} | without {type} to any {other}
does_out_not
  3* {do_not} {base} any {other} | 2* {verb} no {other} | {do_not} {base} {a other} | have no {type} relationship to any {other}
~ {do_not} {base} at least one {other} | have no {type} to {a other}
where_back_not                  # things that nobody owns
  4* that no {other} {other_verb} | which no {other} {other_verb} | with no {type} relationship from any {other} | without a {type} relationship from any {other}
~ without {type} from any {other} | which have no {type} relationship from any {other}
does_back_not
  have no {type} relationship from any {other} | are not {joined} any {other} by {type}
~ have no {type} from {a other} | are {joined} no {other} by {type}
"""

GROUPED = r"""
pairs_out                       # both ends, as a noun: the names of as, then of bs
  4* each {a} with the {bs} it {one} | 2* all {as} and the {bs} they {many} | the {as} together with the {bs} that they {many} | every {a} and every {b} it {one}
  {as} and the {bs} they {many} | pairs of {a} and {b} linked by {type} | each pair of {a} and {b} connected by {type} | all pairs of {a} and {b} with a {type} relationship
~ {as} together with the {bs} they {many} | every {a} with each {b} that it {one} | every pair of {a} and {b} linked by {type}
pairs_whole
  2* which {as} {many} which {bs}? | which {a} {one} which {b}? | for each {a}, {do} the {bs} it {one}. | for every {a}, which {bs} {helps} it {base}?
~ what {as} {many} what {bs}? | for every {a}, {do} each {b} that it {one}. | I want to know which {as} {many} which {bs}.
pairs_back                      # the names of bs, then of as
  4* each {b} with the {as} that {many} it | 2* all {bs} and the {as} that {many} them | every {b} and every {a} that {one} it | {bs} and the {as} who {many} them
~ {bs} together with the {as} that {many} them | every {b} with each {a} that {one} it
pairs_back_whole
  for each {b}, {do} the {as} that {many} it. | for every {b}, which {as} {many} it? | which {bs} have which {as} that {many} them?
~ for every {b}, {do} each {a} that {one} it. | for each {b}: which {as} {many} it?
grouped_out                     # a count of bs for each a, as a noun
  4* the number of {bs} that each {a} {one} | 2* each {a} with the number of {bs} it {one} | how many {bs} each {a} {one} | for each {a} the number of {bs} it {one}
  every {a} and how many {bs} it {one} | the count of {bs} for each {a} ({type}) | {as} with the number of {bs} they {many}
~ each {a} and how many {bs} it {one} | the count of {bs} that every {a} {one} | for every {a} how many {bs} it {one}
grouped_out_whole
  4* how many {bs} {helps} each {a} {base}? | 2* for each {a}, how many {bs} {helps} it {base}? | for every {a}, count the {bs} it {one}. | count the {bs} that each {a} {one}.
  {do} each {a} and count the {bs} it {one}. | per {a}, how many {bs} are there by {type}?
~ per {a}, count the {bs} it {one}. | how many {bs} {helps} every {a} {base}? | of each {a}, I want to know how many {bs} it {one}.
grouped_back                    # a count of as for each b, as a noun
  4* the number of {as} that {many} each {b} | 2* each {b} with the number of {as} that {many} it | how many {as} {many} each {b} | for each {b} the number of {as} that {many} it
  every {b} and how many {as} {many} it | {bs} with the number of {as} that {many} them
~ each {b} and how many {as} {many} it | the count of {as} that {many} every {b} | for every {b} how many {as} {many} it
grouped_back_whole
  4* how many {as} {many} each {b}? | 2* for each {b}, how many {as} {many} it? | for every {b}, count the {as} that {many} it. | count the {as} that {many} each {b}.
  {do} each {b} and count the {as} that {many} it. | per {b}, how many {as} {many} it?
~ per {b}, count the {as} that {many} it. | how many {as} {many} every {b}? | of each {b}, I want to know how many {as} {many} it.
grouped_most                    # after a count for each
  3* with the most first | most first | from most to least | sorted from most to least | in descending order | ordered by that number, highest first | with the highest number first
~ starting with the most | sorted by that number, most first | in order from most to least
most_out                        # those with the largest counts, as a noun; {n} of them
  4* {the_n} {as} that {many} the most {bs} | 2* {the_n} {as} with the most {bs} they {many} | {the_n} {as} who {many} the largest number of {bs} | the top {n} {as} by number of {bs} they {many}
  {the_n} {as} that {many} more {bs} than the others
~ the first {n} {as} by number of {bs} they {many} | {the_n} {as} who {many} most {bs} | {the_n} {as} with the largest number of {bs} they {many}
most_out_whole
  3* which {n} {as} {many} the most {bs}? | what {n} {as} {many} the most {bs}? | which are the {n} {as} that {many} the most {bs}?
~ which {n} {as} {many} the largest number of {bs}? | of all {as}, which {n} {many} the most {bs}?
most_back
  4* {the_n} {bs} with the most {as} that {many} them | 2* {the_n} {bs} that the most {as} {many} | the top {n} {bs} by number of {as} that {many} them | {the_n} {bs} with the largest number of {as} that {many} them
~ the first {n} {bs} by number of {as} that {many} them | {the_n} {bs} that the largest number of {as} {many}
most_back_whole
  3* which {n} {bs} have the most {as} that {many} them? | which {n} {bs} {help_many} the most {as} {base}? | which are the {n} {bs} that the most {as} {many}?
~ of all {bs}, which {n} have the most {as} that {many} them? | what {n} {bs} have the largest number of {as} that {many} them?
"""

LAYOUTS = r"""
layout
  6* {schema}\n{question} | 3* {schema}\n\n{question} | {schema}\nQuestion: {question} | {question}\n{schema} | {question}\n\n{schema}
  Graph:\n{schema}\n\n{question} | Schema:\n{schema}\nQuestion: {question} | Write a Cypher query.\n{schema}\n{question} | {question}\nThe graph:\n{schema}
  Given this graph:\n{schema}\n\n{question} | {schema}\nAnswer with a Cypher query: {question} | {question}\n\nSchema:\n{schema}
~ Schema:\n{schema}\n\n{question} | Question: {question}\nGraph:\n{schema} | Given this schema:\n{schema}\nwrite a Cypher query: {question}
~ The graph:\n{schema}\n\nThe question: {question}
"""
