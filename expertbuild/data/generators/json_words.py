"""How people ask for something to be done to a JSON document: tables of a phrase grammar (see `phrases`).

Values: `json` is the document, `do` (`Do` at the start) what to do with it, `key` one of its keys, `keys` several, `new`
a new name, `v` a value. Texts with no JSON in them stand here too: what is asked of them cannot be done.
"""

LAYOUT = r"""
layout
  5* {json}\n{Do}. | 4* {Do}.\n{json} | 3* {Do}:\n{json} | 2* {json}\n\n{Do}. | 2* {Do}.\n\n{json} | JSON:\n{json}\n{Do}. | Please {do}.\n{json} | {json}\nPlease {do}. | Here is a document.\n{json}\n{Do}. | Take this JSON and {do}.\n{json}
  Can you {do}?\n{json} | {json}\n{do} | {do}\n{json} | I want you to {do}:\n{json} | Document:\n{json}\n\n{Do}. | From this document, please {do}:\n{json}
~ Here is some JSON.\n{json}\n{Do}, please. | Please {do}:\n\n{json} | Take this document and {do}:\n{json} | {json}\n\nCan you {do}? | I want you to {do}.\n\n{json} | JSON:\n{json}\n\nPlease {do}.
nothing                         # a text with no JSON in it
  {name} lives in {city}. | The {thing} is in {city}. | There is no {thing} here, says {name}. | {name} wrote about the {thing}. | I will send the {thing} later. | Some {thing} was found in {city} by {name}. | Hello {name}, how are you? | The {thing} of {name} is {adjective}.
~ {name} will send the {thing}. | The {adjective} {thing} was found by {name}. | I wrote about {city} later.
"""

STYLE = r"""
minified
  4* minify this JSON | 3* write this as strict JSON on one line | 2* make this JSON compact | write this JSON without white space | put this JSON on one line | remove all white space from this JSON | give me this as compact JSON | strict JSON, minified | normalise this to JSON on one line
~ make this strict JSON on one line | give me this JSON minified | write this as compact JSON without white space
indented
  4* indent this JSON with two spaces | 3* format this JSON with an indent of two spaces | 2* pretty print this JSON | write this as strict JSON, two spaces for each level | put each key of this JSON on a line of its own | give me this JSON with two spaces of indent | strict JSON, indented | normalise this to indented JSON
~ write this JSON with an indent of two spaces | give me this as strict JSON, indented | format this as indented JSON
sorted_minified
  4* sort the keys of this JSON | 3* sort the keys of this JSON and minify it | 2* write this JSON on one line, its keys in order | compact JSON with sorted keys | put the keys in order of the alphabet, on one line | normalise this: sorted keys, one line | minify this JSON and sort its keys
~ put the keys of this JSON in order and minify it | write this as compact JSON with sorted keys | strict JSON with its keys in order, minified
sorted_indented
  4* sort the keys of this JSON and indent it with two spaces | 3* format this JSON with sorted keys and two spaces of indent | 2* pretty print this JSON with its keys in order | indented JSON with sorted keys | put the keys in order of the alphabet, two spaces for each level | normalise this: sorted keys, indented
~ pretty print this JSON and sort its keys | sort the keys and put each on a line of its own | write this as indented JSON with sorted keys
"""

TRANSFORM = r"""
pick                            # some keys of an object, in its order
  4* keep only {keys} | 3* give me only {keys} | 2* pick {keys} | 2* keep {keys} and leave out the rest | return only the keys {keys} | drop everything but {keys} | remove all keys but {keys} | pick the keys {keys}
~ leave out everything but {keys} | keep only the keys {keys} | return {keys} and drop the rest
remove
  4* remove {key} | 3* drop the key {key} | 2* delete {key} | leave out {key} | remove the key {key} from it | give me all of it but {key} | keep everything but {key}
~ delete the key {key} | leave out the key {key} | drop {key} from it
rename
  4* rename {key} to {new} | 3* rename the key {key} to {new} | 2* change the key {key} to {new} | change the name of {key} to {new} | call the key {key} {new} | the key {key} should be {new}, change it | write {new} for the key {key}
~ change the name of the key {key} to {new} | call {key} {new} and keep the rest | write {new} as the key for {key}
nulls
  4* remove all keys that are null | 3* drop the nulls | 2* leave out what is null | delete the keys with null | remove every null from it | keep only what is not null | drop all keys whose value is null
~ remove what is null | leave out all keys that are null | keep only the keys whose value is not null
values                          # one key of each item, as a list
  4* list the {key} of each item | 3* give me a list of {key} | 2* return only the {key} of every item, as a list | pick the {key} of each item | collect {key} from all items into a list | a list with each {key}
~ collect the {key} of each item | give me the {key} of all items as a list | list {key} from every item
sort_up
  4* sort the items by {key} | 3* sort by {key} | 2* sort by {key}, lowest first | order the items by {key} | sort the list by {key}, from low to high | put the items in order of {key}
~ order the list by {key}, lowest first | put the list in order of {key}, from low to high
sort_down
  4* sort the items by {key}, highest first | 3* sort by {key}, highest first | 2* order the items by {key}, highest first | sort the list by {key}, from high to low | sort by {key} in reverse
~ order the list by {key}, from high to low | sort the items by {key} in reverse
count
  4* count the items | 3* give me the number of items | 2* tell me how many items there are | count how many items are in the list | return the number of items in it
~ tell me the number of items in the list | count how many there are in it
count_where
  4* count the items {where} | 3* give me the number of items {where} | 2* tell me how many items there are {where} | return the number of items {where}
~ tell me the number of items {where} | count how many items there are {where}
filter
  4* keep only the items {where} | 3* give me the items {where} | 2* filter the items {where} | return the items {where} | list the items {where} | drop all items but those {where} | pick the items {where}
~ filter the list: items {where} | return only those items {where} | leave only the items {where} in the list
where_eq
  4* whose {key} is {v} | 2* with {key} {v} | where {key} is {v} | that have {v} as {key} | with {key} equal to {v}
~ where {key} is equal to {v} | whose {key} is equal to {v}
where_gt
  3* whose {key} is above {v} | 2* with {key} above {v} | where {key} is more than {v} | with {key} over {v}
~ where {key} is above {v} | whose {key} is more than {v}
where_lt
  3* whose {key} is below {v} | 2* with {key} below {v} | where {key} is less than {v} | with {key} under {v}
~ where {key} is below {v} | whose {key} is less than {v}
"""

SCHEMA = r"""
schema
  4* write a JSON Schema for this document | 3* give me the JSON Schema of this JSON | 2* make a schema for this JSON | generate a JSON Schema that describes this | what is the JSON Schema of this document | infer the schema of this JSON | I need a JSON Schema for this document | derive a JSON Schema from this | JSON Schema (draft 2020-12) for this
~ give me a schema that describes this document | what is a JSON Schema for this | generate the schema of this document | infer a JSON Schema for this JSON
"""
