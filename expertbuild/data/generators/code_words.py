"""How people ask for code: tables of a phrase grammar (see `phrases`), the same for every language.

Values: `form` is what is wanted ("Rust struct"), `type` its name, `thing` and `things` what it is about in words, `json`,
`fields` and `code` what is there already, `col` a field (`a_col` with its article), `v` a value, `fn` a function's name.
"""

FROM_JSON = r"""
from_json
  4* {Do} {a form} {called} for this JSON.\n{json} | 3* {json}\n{Do} {a form} {called}. | 2* {Do} {a form} {called} for:\n{json} | 2* JSON:\n{json}\n\n{Do} the {form} {called}. | {form} {type} for this JSON:\n{json} | {json}\n\n{form} {type}
  Here is a document.\n{json}\n{Do} {a form} {called} for it. | I need {a form} {called} for this document:\n{json} | What would {a form} {called} for this be?\n{json} | Turn this into {a form} {called}.\n{json} | Please {do} {a form} {called}:\n{json} | Here is some JSON:\n{json}\n{Do} {a form} {called}. | {Do} {a form} {called} out of this JSON:\n{json} | {json}\nI need this as {a form} {called}.
~ Here is some JSON.\n{json}\nTurn it into {a form} {called}. | {json}\nWhat is the {form} {called} for this document? | For this document, {do} {a form} {called}.\n{json} | Please turn this JSON into {a form} {called}:\n{json} | I need the {form} {called} for:\n{json}
do
  4* write | 2* make | create | generate | give me | write down | define | declare | show
~ give | make me
Do
  4* Write | 2* Make | Create | Generate | Give me | Write down | Define | Declare | Show
~ Give | Make me
called
  4* {type} | 2* called {type} | named {type} | with the name {type} | by the name of {type}
~ by the name {type} | with the name of {type}
"""

FROM_TEXT = r"""
from_text
  4* {Do} {a form} {called}. {described} | 3* {described}\n{Do} {a form} for it. | 2* {described} {Do} the {form} {called}. | 2* {Do} {a form} {called} with {fields}. | {form} {type}: {fields} | {Do} {a form} {called}:\n{lines} | {lines}\n{Do} {a form} {called} for this.
  I need {a form} {called} with {fields}. | Please {do} {a form} {called}. {described} | {form} {type}\n{lines} | {Do} {a form} for {a thing}.\n{lines} | Here is what {a thing} has:\n{lines}\n{Do} {a form}.
~ I need {a form} {called}. {described} | For {a thing}, {do} {a form} with {fields}. | Here is what I need: {a form} {called} with {fields}. | {described} I need {a form} for this. | {lines}\nPlease {do} the {form} {called}.
described
  5* {A_thing} has {fields}. | 2* {A_thing} is made of {fields}. | 2* The fields of {a thing} are {fields}. | Each {thing} has {fields}. | For {a thing} we keep {fields}. | We store {fields} for each {thing}. | Every {thing} comes with {fields}.
~ For each {thing} we keep {fields}. | {A_thing} comes with {fields}. | Each {thing} is made of {fields}. | We keep {fields} for every {thing}.
nothing                         # a type, and no word about its fields
  {Do} {a form} {called}. | {A_thing} has some fields. {Do} {a form} for it. | I need {a form} {called}. | {Do} {a form} for {a thing}. | {form} {type}
~ Please {do} the {form} for {a thing}. | I need the {form} for {a thing}.
one                             # one field
  5* {a_col} ({kind}) | 2* {a_col} as {kind} | {a_col}, {kind} | {a_col}, which is {kind} | {a_col} that is {a kind} | {a_col} of type {kind} | {a kind} {col}
~ {a_col} which is {a kind} | {a_col}: {kind} | {a_col} of the type {kind}
many
  4* many {col} ({kind}) | 2* a list of {col} ({kind}) | any number of {col} ({kind}) | some {col} ({kind}) | a list of {col}, each {a kind}
~ many {col}, each {a kind} | any number of {col}, {kind} | a list of {col} of type {kind}
optional
  4* an optional {col} ({kind}) | 2* {a_col} ({kind}, optional) | perhaps {a_col} ({kind}) | sometimes {a_col} ({kind}) | {a_col} ({kind}) if it is known | {a_col} ({kind}) if there is one | an optional {kind} {col}
~ {a_col} ({kind}) that is optional | perhaps {a kind} {col} | {a_col}, {kind}, optional | {a kind} {col} if there is one
one_line
  4* {col}: {kind} | 2* {col} - {kind} | {col} ({kind}) | {col} {kind}
~ {col} = {kind}
flag                            # one that says yes or no
  3* a {col} flag | 3* whether it is {col} | {col} (yes or no) | {col} ({kind}) | {col}, {kind} | a flag that says whether it is {col}
~ a flag for whether it is {col} | a flag {col} | {col} as {kind} | if it is {col}
many_line
  3* {col}: list of {kind} | {col}: many, {kind} | {col} - list of {kind} | {col} (list of {kind}) | {col} = list of {kind}
~ {col}: {kind}, many | {col} list of {kind}
optional_line
  3* {col}: {kind}, optional | {col} - {kind}, optional | {col} ({kind}, optional) | {col} = {kind}, optional | {col}: optional {kind}
~ {col} - optional {kind} | optional {col}: {kind}
kind_text
  5* text | 3* string
kind_integer
  4* integer | 3* whole number | int
kind_real
  4* number | 2* decimal number | decimal
~ decimal value
kind_flag
  3* boolean | 2* flag | 2* yes or no | true or false value
"""

FUNCTIONS = r"""
function
  4* {code}\n\n{Do} a function {fn} that {does}. | 3* {code}\n{Do} the function {fn}: it {does}. | 2* {code}\n\n{fn}: {does} | 2* {Do} a function {fn} that {does}.\n\n{code} | {code}\n\nI need a function {fn} that {does}. | Given this:\n{code}\n{Do} {fn}, which {does}.
  {code}\n\nfunction {fn} {does} | {Do} {fn}. It {does}.\n{code} | {code}\n\nPlease {do} {fn}, a function that {does}. | Here is a type.\n{code}\n{Do} a function named {fn} that {does}.
~ Given this type:\n{code}\n\nI need {fn}. It {does}. | {code}\n\n{Do} a function named {fn}, which {does}. | I need a function {fn} that {does}.\n{code} | Here is a type:\n{code}\nPlease {do} the function {fn}: it {does}.
filter
  4* returns the {things} {where} | 2* gives all {things} {where} | keeps the {things} {where} | returns only {things} {where} | finds all {things} {where} | filters the {things} {where}
~ gives the {things} {where} | keeps only {things} {where} | returns all {things} {where}
map
  4* returns the {col} of each of the {things} | 2* lists the {col} of all {things} | gives the {col} of every one of the {things} | returns a list with the {col} of all {things} | collects the {col} of each of the {things}
~ gives a list with the {col} of each of the {things} | returns the {col} of all {things}
map_where
  4* returns the {col} of the {things} {where} | 2* lists the {col} of all {things} {where} | gives the {col} of {things} {where} | collects the {col} of the {things} {where}
~ returns the {col} of all {things} {where} | lists the {col} of the {things} {where}
count
  4* counts the {things} {where} | 2* returns how many {things} there are {where} | returns the number of {things} {where} | gives the number of {things} {where} | tells how many {things} there are {where}
~ gives the number of all {things} {where} | counts all {things} {where} | counts how many {things} there are {where}
sum
  4* returns the sum of the {col} of all {things} | 2* adds up the {col} of the {things} | sums the {col} of all {things} | returns the total {col} of the {things} | gives the total {col} of all {things}
~ adds up the {col} of all {things} | gives the sum of the {col} of the {things}
sum_where
  4* returns the sum of the {col} of the {things} {where} | 2* adds up the {col} of {things} {where} | sums the {col} of all {things} {where} | returns the total {col} of the {things} {where}
~ adds up the {col} of all {things} {where} | gives the total {col} of the {things} {where}
any
  4* tells whether there are any {things} {where} | 2* checks if there are {things} {where} | returns true if there are any {things} {where} | says whether any {things} are there {where}
~ checks whether there are any {things} {where} | tells if there are any {things} {where}
all
  4* tells whether all {things} are ones {where} | 2* checks if all {things} are ones {where} | returns true if all {things} are ones {where} | says whether every one of the {things} is one {where}
~ checks whether all {things} are ones {where} | returns true if every one of the {things} is one {where}
find
  4* returns the first of the {things} {where} | 2* finds the first of the {things} {where} | gives the first one of the {things} {where} | looks for the first of the {things} {where}
~ gives the first of the {things} {where} | finds the first one of the {things} {where}
sort_up
  3* sorts the {things} by {col} | 2* returns the {things} sorted by {col} | sorts the {things} by {col}, lowest first | returns the {things} by {col}, from low to high | orders the {things} by {col} | sorts by {col}, ascending
~ orders the {things} by {col}, lowest first | returns the {things} sorted by {col}, from low to high | sorts the {things} by {col}, ascending
sort_down
  3* sorts the {things} by {col}, highest first | 2* returns the {things} sorted by {col}, highest first | returns the {things} by {col}, from high to low | orders the {things} by {col}, highest first | sorts by {col}, descending | sorts the {things} by {col}, descending
~ sorts the {things} by {col}, from high to low | returns the {things} sorted by {col}, descending
both
  3* {x} and {y} | {x} and also {y}
either
  3* {x} or {y}
where_gt
  3* whose {col} is above {v} | 2* with {a_col} above {v} | whose {col} is greater than {v} | with {a_col} over {v} | with {col} > {v} | where the {col} is more than {v}
~ with {a_col} greater than {v} | where the {col} is above {v} | whose {col} is over {v}
where_lt
  3* whose {col} is below {v} | 2* with {a_col} below {v} | whose {col} is less than {v} | with {a_col} under {v} | with {col} < {v} | where the {col} is smaller than {v}
~ with {a_col} less than {v} | where the {col} is below {v} | whose {col} is under {v}
where_ge
  3* whose {col} is at least {v} | 2* with {a_col} of at least {v} | with {col} >= {v} | where the {col} is {v} or more
~ with {a_col} of {v} or more | where the {col} is at least {v}
where_le
  3* whose {col} is at most {v} | 2* with {a_col} of at most {v} | with {col} <= {v} | where the {col} is {v} or less
~ with {a_col} of {v} or less | where the {col} is at most {v}
where_eq
  3* whose {col} is {v} | 2* with the {col} {v} | where the {col} is {v} | with {col} equal to {v} | whose {col} equals {v}
~ whose {col} is equal to {v} | where the {col} equals {v}
where_ne
  3* whose {col} is not {v} | 2* with {a_col} other than {v} | where the {col} is not {v} | whose {col} is anything but {v}
~ whose {col} is other than {v} | with {a_col} that is not {v}
where_yes
  3* that are {col} | 2* where {col} is true | with {col} set to true | with {col} true
~ where {col} is set to true | with {col} = true
where_no
  3* that are not {col} | 2* where {col} is false | with {col} set to false | with {col} = false | with {col} not set
~ where {col} is set to false | where {col} is not set
"""

REPAIR = r"""
repair
  4* Fix this {language}:\n{code} | 3* {code}\n{Mend} this. | 2* This {language} does not {run}.\n{code} | 2* {Mend} this {language} code.\n\n{code} | What is wrong here?\n{code} | What is wrong with this?\n{code} | {Mend} the error.\n{code} | Please {mend} this:\n{code} | There is an error in this {language}:\n{code}\n{Mend} it. | {code}\n\nWhy does this not {run}? {Mend} it.
~ {Mend} the error in this {language}:\n{code} | Why does this {language} not {run}?\n{code} | {code}\nWhat is wrong with this {language}? Please {mend} it. | There is an error here. {Mend} it:\n{code}
mend
  4* fix | 3* repair | correct | mend
Mend
  4* Fix | 3* Repair | Correct | Mend
run
  3* work | 2* run | parse | compile
"""
