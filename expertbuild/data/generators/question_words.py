"""How people ask about stored things: requests, listings, comparisons, conditions, orders, extremes, counts.

Tables of a phrase grammar (see `phrases`), for any query language. Values that a speaker brings: `plural` and
`singular` (the things asked about), `subject` with `have`, `be` and `do_` in its number, `what` (what is wanted of them) with
`are` in its number, `where` and `does` (their condition), `column`, `v` (a value), `key` (what an order goes by), `n`.
What two alternatives of one set say is the same; what it is, the name of the set tells.
"""

REQUESTS = r"""
request                         # {np}: what is wanted, as a noun; {are}: its number
  9* {do} {np}. | 2* {do} {np} | 2* please {do} {np}. | {do} {np}, please. | {can} you {do} {np}? | {can} you please {do} {np}?
  I want you to {do} {np}. | I need you to {do} {np}. | 2* I {need} {np}. | I {need} to see {np}. | we {need} {np}. | I am looking for {np}.
  let me have {np}. | 2* {np} | {np}, please. | 3* what {are} {np}? | we would like {np}. | I would like to know {np}. | could I get {np}?
  I have to {do} {np}. | help me {do} {np}. | my question: what {are} {np}? | tell me what {np} {are}.
~ would you {do} {np}? | let me see {np}. | I would like to have {np}. | could you tell me what {np} {are}? | please help me {do} {np}.
~ we are looking for {np}. | I want to know what {np} {are}. | can I have {np}? | {np}: can you {do} that, please?
do
  4* list | 4* show | 3* show me | 3* give me | 4* find | 2* get | 2* return | display | tell me | print | fetch | look up | name | write down | output | retrieve | report | pull up
~ list for me | write down for me | look up for me
can
  can | could | will
~ would
need
  need | want
question                        # {ask}: a question, without its mark
  9* {ask}? | 2* {ask} | I want to know: {ask}? | tell me: {ask}? | please tell me, {ask}? | my question: {ask}? | I need to know, {ask}?
~ a question: {ask}? | I would like to know: {ask}? | please, {ask}?
"""

LISTING = r"""
listing                         # {what} of {subject}, as a noun
  6* the {what} of {subject} {where} | 2* {what} of {subject} {where} | 2* the {what} for {subject} {where} | {what} for {subject} {where}
  the {what} belonging to {subject} {where} | the {what} that {subject} {where} {have} | the {what} that {have} been stored for {subject} {where}
~ the {what} which {subject} {where} {have} | {what} that {have} been stored for {subject} {where} | {what} belonging to {subject} {where}
listing_whole                   # a request or question, not a noun
  for {subject} {where}, {do} the {what}. | for {subject} {where}, what {are} the {what}? | {subject} {where}: what {are} the {what}?
  which {what} {do_} {subject} {where} have? | what {what} {do_} {subject} {where} have? | look at {subject} {where} and {do} the {what}.
  take {subject} {where} and {do} the {what}. | what {are} the {what} of {subject} {where}? | of {subject} {where} I {need} the {what}.
~ take {subject} {where}: what {are} the {what}? | of {subject} {where}, {do} the {what}. | look at {subject} {where}. what {are} the {what}?
~ I want to know which {what} {subject} {where} {have}. | for {subject} {where} I need the {what}.
things                          # those {where}, by what they are called
  6* {subject} {where} | 2* the names of {subject} {where} | the name of {subject} {where} | {subject} {where} by name
~ the names which {subject} {where} {have} | {subject} {where}: the names
which                           # {does}: a verb phrase in the plural
  4* which {plural} {does}? | 2* which of the {plural} {does}? | 2* what {plural} {does}? | do you know which {plural} {does}? | tell me which {plural} {does}.
  I want to know which {plural} {does}. | find out which {plural} {does}. | show me which {plural} {does}. | {do} the {plural} that {does}. | {do} all {plural} that {does}.
  I {need} {plural} that {does}. | are there {plural} that {does}? {do} them. | {do} {plural} which {does}.
~ can you tell me which {plural} {does}? | which are the {plural} that {does}? | I need to know what {plural} {does}. | what are the {plural} which {does}?
~ find out which of the {plural} {does}. | there are {plural} that {does}. {do} them.
both
  4* {x} and {y} | {x} and the {y} | {x} as well as {y} | {x} together with the {y} | {x} plus {y} | {x} along with the {y} | both {x} and {y}
~ {x} together with {y} | {x} as well as the {y} | {x}, and also the {y}
three
  3* {x}, {y} and {z} | {x}, {y}, {z} | {x}, the {y} and the {z} | {x} and {y} and {z}
~ {x} and the {y} and the {z} | {x} plus {y} and {z}
"""

SUBJECTS = r"""
many                            # things, several
  5* {plural} | 3* all {plural} | 2* the {plural} | all the {plural} | all of the {plural} | those {plural} | any {plural}
~ all of those {plural} | any of the {plural}
one                             # things, one by one
  3* every {singular} | 2* each {singular} | any {singular} | every one of the {plural} | each single {singular}
~ every single {singular} | any one of the {plural}
among                           # where the ones meant stand
  among the {plural} | among all {plural} | of all {plural} | in the {plural}
~ of the {plural} | in all {plural}
"""

# In each pair of sets the words that one holds out are trained in the other.
COMPARISONS = r"""
is_gt
  3* above {v} | 2* over {v} | 3* greater than {v} | 3* more than {v} | 2* higher than {v} | larger than {v} | > {v}
~ bigger than {v} | beyond {v}
of_gt
  3* above {v} | 2* over {v} | greater than {v} | 3* of more than {v} | bigger than {v} | beyond {v} | exceeding {v} | of over {v} | > {v}
~ higher than {v} | larger than {v} | of above {v}
does_gt
  3* exceeds {v} | is above {v} | goes beyond {v} | lies over {v} | is bigger than {v} | is more than {v} | comes to more than {v}
~ lies above {v} | goes over {v} | comes to over {v}
is_lt
  3* below {v} | 2* under {v} | 3* less than {v} | 2* lower than {v} | smaller than {v} | < {v}
~ beneath {v} | underneath {v}
of_lt
  3* below {v} | 2* under {v} | beneath {v} | 3* of less than {v} | smaller than {v} | underneath {v} | of under {v} | < {v}
~ lower than {v} | less than {v} | of below {v}
does_lt
  2* is below {v} | stays under {v} | lies beneath {v} | is less than {v} | stays below {v} | comes to less than {v} | is smaller than {v}
~ lies below {v} | lies under {v} | comes to under {v}
is_ge
  4* at least {v} | 2* {v} or more | no less than {v} | greater than or equal to {v} | not below {v} | {v} or higher | >= {v}
~ not less than {v} | {v} or above | more than or equal to {v}
of_ge
  3* of at least {v} | at least {v} | of {v} or more | not less than {v} | of {v} or above | no lower than {v} | >= {v}
~ no less than {v} | of {v} or higher | {v} or more
does_ge
  2* is at least {v} | is {v} or more | is not below {v} | comes to at least {v} | is no lower than {v}
~ is {v} or above | comes to {v} or more
is_le
  4* at most {v} | 2* {v} or less | no more than {v} | less than or equal to {v} | not above {v} | {v} or lower | <= {v}
~ not more than {v} | {v} or below | smaller than or equal to {v}
of_le
  3* of at most {v} | at most {v} | of {v} or less | not more than {v} | of {v} or below | no higher than {v} | <= {v}
~ no more than {v} | of {v} or lower | {v} or less
does_le
  2* is at most {v} | is {v} or less | is not above {v} | comes to at most {v} | is no higher than {v}
~ is {v} or below | comes to {v} or less
is_eq
  6* {v} | 2* exactly {v} | 2* equal to {v} | precisely {v} | the same as {v} | = {v}
~ just {v} | {v} exactly
of_eq
  6* {v} | of {v} | of exactly {v} | equal to {v} | = {v} | just {v}
~ exactly {v} | of precisely {v}
does_eq
  3* is {v} | equals {v} | is just {v} | is exactly {v} | comes to {v} | reads {v}
~ is precisely {v} | is the same as {v}
is_ne
  3* not {v} | 2* not equal to {v} | 2* different from {v} | other than {v} | <> {v}
~ anything but {v} | anything other than {v}
of_ne
  3* other than {v} | 2* not equal to {v} | anything but {v} | that is not {v} | <> {v}
~ different from {v} | which is not {v}
does_ne
  2* is not {v} | differs from {v} | is anything but {v} | is anything other than {v} | does not equal {v}
~ is other than {v} | is different from {v}
sign_gt
  >
sign_lt
  <
sign_ge
  >=
sign_le
  <=
sign_eq
  =
sign_ne
  <>
value
  3* {text} | 2* '{text}' | "{text}"
"""

# {is}, {of}, {does_it}, {sign}: the comparison in the shape that the place wants; {have}: has or have.
CONDITIONS = r"""
where_it                        # a condition after the noun it is about
  4* whose {column} is {is} | 3* where the {column} is {is} | where {column} is {is} | 3* with {a column} {of} | 2* with {column} {of} | that {have} {a column} {of}
  having {a column} {of} | 2* whose {column} {does_it} | where the {column} {does_it} | for which the {column} is {is} | which {have} {a column} {of}
  where {column} {sign} {v} | with {column} {sign} {v} | if the {column} is {is} | that {have} {column} {of}
~ for which {column} {does_it} | with {a column} that is {is} | which {have} {column} {of} | if {column} {sign} {v}
~ having {column} {of} | only if the {column} {does_it} | of which the {column} is {is}
does_that                       # the same as a verb phrase in the plural
  5* have {a column} {of} | 2* have {column} {of} | have {a column} that is {is} | have {a column} that {does_it} | show {a column} {of} | have their {column} {of}
~ have {a column} which is {is} | show {column} {of} | have {a column} which {does_it}
where_text                      # {contains}: contains, starts with ... some text
  3* whose {column} {contains} | 2* where the {column} {contains} | with {a column} that {contains} | that {have} {a column} which {contains} | for which the {column} {contains}
  having {a column} that {contains} | where {column} {contains}
~ for which {column} {contains} | if the {column} {contains} | which {have} {a column} that {contains}
does_text
  3* have {a column} that {contains} | 2* have {a column} which {contains} | show {a column} that {contains}
~ do have {a column} that {contains} | show {a column} which {contains}
contains
  4* contains {v} | 2* includes {v} | has {v} in it | has {v} somewhere in it | holds {v} | has {v} inside
~ has {v} somewhere | has {v} inside it | includes {v} somewhere
starts
  4* starts with {v} | 3* begins with {v} | has {v} at the start | has {v} as its beginning | opens with {v}
~ has {v} at the beginning | has {v} as its start
ends
  4* ends with {v} | 2* ends in {v} | has {v} at the end | closes with {v}
~ has {v} as its end | closes in {v}
where_null
  3* with no {column} | 3* without {a column} | where the {column} is missing | whose {column} is unknown | where no {column} is given | that {have} no {column}
  lacking {a column} | whose {column} is missing | for which the {column} is not known | where the {column} is null | whose {column} is not set | where the {column} is empty
~ for which no {column} is known | whose {column} is not given | where {column} is null | having no {column} | without any {column}
does_null
  3* have no {column} | 2* lack {a column} | are without {a column} | are missing {a column} | do not have {a column} | have no known {column}
~ have no {column} given | do not have any {column} | are without any {column}
where_set
  3* that {have} {a column} | 2* where the {column} is known | where the {column} is not missing | whose {column} is given | with a known {column} | where the {column} is not null
  for which the {column} is set | with some {column} | whose {column} is not empty | where {a column} is given
~ for which {a column} is known | whose {column} is not null | which {have} some {column} | with {a column} that is given
does_set
  3* have {a column} | have some {column} | have a known {column} | do have {a column} | have their {column} set | are not missing {a column}
~ do have some {column} | have {a column} that is known | are not without {a column}
and
  5* {x} and {y} | {x} and also {y} | 2* both {x} and {y} | {x} and at the same time {y}
~ {x}, and at the same time {y} | {x} and {y}, both
or
  5* {x} or {y} | 2* either {x} or {y} | {x} or else {y}
~ {x}, or else {y} | {x} or also {y}
"""

ORDERS = r"""
ordered                         # {key}: what it goes by; {dir}, {first}: which way
  3* ordered by {key} {dir} | 3* sorted by {key} {dir} | sorted by the {key} {dir} | in order of {key}, {dir} | arranged by {key}, {dir} | by {key}, {dir}
  ranked by {key} {dir} | 2* {first} {key} first | starting with the {first} {key} | with the {first} {key} at the top | and sort them by {key} {dir}
  and order by {key} {dir} | in {way} order of {key} | by {way} {key} | put in order by {key}, {dir} | from the {first} to the {last} {key}
~ arranged by the {key} {dir} | ranked with the {first} {key} first | sorted by {way} {key} | starting from the {first} {key} | and sort them {dir} by {key}
~ in order of {way} {key} | put in {way} order of {key}
ordered_plain                   # nothing said: from low to high
  3* ordered by {key} | 3* sorted by {key} | sorted by the {key} | by {key} | arranged by {key} | in order of {key}
~ arranged by the {key} | put in order by {key}
ordered_text
  3* in alphabetical order of {key} | 2* sorted by {key} | alphabetically by {key} | ordered by {key} | sorted alphabetically by {key} | by {key} from A to Z
~ sorted by {key} from A to Z | ordered alphabetically by {key} | in order of {key}
with_order                      # {inner}: what is put in order
  5* {inner} {ordered} | 2* {inner}, {ordered}
~ {inner} ({ordered})
order_whole
  {do} {inner}, {ordered}. | {ordered}, {do} {inner}. | what {are} {inner}, {ordered}? | please {do} {inner} {ordered}.
~ {ordered}, I {need} {inner}. | {ordered}: {inner}. | {inner}, please, {ordered}.
dir_asc
  3* ascending | 2* in ascending order | 2* from low to high | lowest first | from lowest to highest | increasing | smallest first | going up
~ in increasing order | from smallest to largest | starting low
dir_desc
  3* descending | 2* in descending order | 2* from high to low | highest first | from highest to lowest | decreasing | largest first | going down
~ in decreasing order | from largest to smallest | starting high
way_asc
  ascending | increasing | rising
way_desc
  descending | decreasing | falling
most
  3* highest | 2* largest | maximum | top
~ greatest | biggest
least
  3* lowest | 2* smallest | minimum | bottom
~ least
top                             # {n} of them, {extreme} by {key}, as a noun; {what} of {these}
  4* {the_n} {plural} {where} with the {extreme} {key} | 2* {the_n} {plural} {where} whose {key} is {extreme} | {the_n} {plural} {where} that have the {extreme} {key}
  {the_n} {extreme} {plural} {where} by {key} | the first {n} {plural} {where} {ordered} | {the_n} {plural} {where} having the {extreme} {key}
~ {the_n} {plural} {where} for which the {key} is {extreme} | {the_n} {plural} {where}, by {extreme} {key} | only the first {n} {plural} {where} {ordered}
the_n
  4* the {n} | {n} | those {n} | only the {n} | just {n}
~ just the {n} | only {n}
top_one
  4* the {singular} {where} with the {extreme} {key} | the one {singular} {where} whose {key} is {extreme} | the {singular} {where} that has the {extreme} {key}
  the {singular} {where} having the {extreme} {key} | the one with the {extreme} {key} {among} {where}
~ the one {singular} {where} with the {extreme} {key} | the {singular} {where} for which the {key} is {extreme} | the one that has the {extreme} {key} {among} {where}
number_1
  1 | one
number_2
  3* 2 | two
number_3
  3* 3 | three
number_4
  3* 4 | four
number_5
  3* 5 | five
number_6
  3* 6 | six
number_7
  3* 7 | seven
number_8
  3* 8 | eight
number_9
  3* 9 | nine
number_10
  3* 10 | ten
"""

COUNTS = r"""
counted                         # how many, as a noun
  4* the number of {plural} {where} | 2* the count of {plural} {where} | how many {plural} there are {where} | the total number of {plural} {where} | a count of the {plural} {where}
~ a count of all {plural} {where} | the total count of {plural} {where} | the number there is of {plural} {where}
counting                        # the same, whole
  5* how many {plural} are there {where}? | 3* count the {plural} {where}. | 2* count {plural} {where} | how many {plural} {where} are there?
  count all {plural} {where}. | how many {plural} do we have {where}? | how many are there of the {plural} {where}? | {plural} {where}: how many are there?
  I want to know how many {plural} there are {where}. | for {plural} {where}, {do} the number.
~ tell me how many {plural} there are {where}. | {plural} {where}: count them. | could you count the {plural} {where}? | there are {plural} {where}: how many?
counting_does
  5* how many {plural} {does}? | 2* how many of the {plural} {does}? | tell me how many {plural} {does}. | how many {plural} are there that {does}? | {do} how many {plural} {does}.
~ of the {plural}, how many {does}? | I {need} to know how many {plural} {does}. | count how many {plural} {does}. | how many are there of the {plural} that {does}?
avg
  4* average | 2* mean | average value of the
~ mean of the | average of the
sum
  3* total | 2* sum of the | summed | combined
~ total of the | summed total
min
  3* lowest | 2* minimum | 2* smallest | least | lowest value of the
~ smallest value of the | minimum of the
max
  3* highest | 2* maximum | 2* largest | greatest | biggest | highest value of the
~ largest value of the | maximum of the
aggregated                      # {agg} {column} of {plural}, as a noun
  5* the {agg} {column} of {plural} {where} | 2* the {agg} {column} of all {plural} {where} | {agg} {column} of {plural} {where} | the {agg} {column} over all {plural} {where}
  the {agg} {column} for {plural} {where} | the {agg} {column} that {plural} {where} have | the {agg} {column} {among} {where}
~ {agg} {column} over the {plural} {where} | {agg} {column} for all {plural} {where} | the {agg} {column} which {plural} {where} have
aggregating
  what {agg} {column} do {plural} {where} have? | for {plural} {where}, what is the {agg} {column}? | over all {plural} {where}, what is the {agg} {column}?
  {plural} {where}: what is the {agg} {column}? | take {plural} {where} and {do} the {agg} {column}. | what does the {agg} {column} of {plural} {where} come to?
~ over {plural} {where}, {do} the {agg} {column}. | take {plural} {where}: what is the {agg} {column}? | what is the {agg} {column} that {plural} {where} come to?
distinct                        # each value once, as a noun
  4* the different {column} values of {plural} {where} | 2* the distinct {column} values of {plural} {where} | the unique {column} values of {plural} {where} | each different {column} {among} {where}
  every {column} that {plural} {where} have, once | all the different {column} values {among} {where} | the {column} values of {plural} {where} without repeats
~ the {column} of {plural} {where} without repeats | every different {column} of {plural} {where} | the unique {column} values {among} {where} | the distinct {column} of all {plural} {where}
distinct_whole
  which different {column} values do {plural} {where} have? | what distinct {column} values are there {among} {where}? | without repeats, which {column} values do {plural} {where} have?
  {do} every {column} of {plural} {where} only once. | which {column} values occur {among} {where}? no repeats.
~ which unique {column} values occur {among} {where}? | for {plural} {where}, {do} each {column} once. | what different {column} values occur {among} {where}?
distinct_count
  3* the number of different {column} values of {plural} {where} | the number of distinct {column} values {among} {where} | how many different {column} values {plural} {where} have
  how many distinct {column} values there are {among} {where} | a count of the unique {column} values of {plural} {where}
~ the count of different {column} values {among} {where} | how many unique {column} values there are {among} {where}
"""
