"""What any text may say of anything: a property by its name, a thing with its properties, notes and forms; and how
people ask for a text as JSON.

Tables of a phrase grammar: `label` and `value` are a property and what it is, `keys` what is wanted, `template` the
same as a document to fill in.
"""

ANYTHING = r"""
said                            # one property, as a sentence
  4* the {label} is {value}. | 2* {its} {label} is {value}. | {label}: {value}. | {it} has {a label} of {value}. | the {label} of {it_} is {value}. | as for the {label}, it is {value}. | {value} is the {label}.
  {its} {label} was given as {value}. | for {label} they wrote {value}. | with {a label} of {value}, all is well. | note the {label}: {value}.
~ for the {label}, {value} was given. | {value} was given as the {label}. | as {label}, note {value}. | its {label}: {value}.
said_bit                        # the same in a note
  3* {label} {value} | 3* {label}: {value} | {label} = {value} | {label} is {value} | {value} ({label})
~ {label} given as {value} | the {label}: {value}
flag_yes
  2* {it} is {flag}. | yes, {it} is {flag}. | {flag}: yes. | {it} was marked as {flag}.
~ marked as {flag}: yes. | {flag}, yes.
flag_no
  2* {it} is not {flag}. | no, {it} is not {flag}. | {flag}: no. | {it} was not marked as {flag}.
~ marked as {flag}: no. | {flag}, no.
flag_yes_bit
  {flag} | {flag}: yes | is {flag}
~ {flag} yes
flag_no_bit
  not {flag} | {flag}: no | is not {flag}
~ {flag} no
thing_it
  2* it | the {thing}
thing_opening
  here is the {thing}. | this is about the {thing}. | what we know about the {thing}: | notes on the {thing}. | the {thing} came in on {seen}. | {finder} wrote about the {thing}. | on {seen} {finder} saw the {thing}.
  the {thing} belongs to {finder}. | a word about the {thing}.
~ {finder} saw the {thing} on {seen}. | notes of {finder} on the {thing}. | here is what we know about the {thing}.
thing_thing
  it is about the {thing}.
thing_thing_bit
  {thing} | thing: {thing}
thing_thing_key
  thing | about
thing_seen
  this was on {seen}. | the note is of {seen}. | it was written on {seen}.
~ on {seen} this was written.
thing_seen_bit
  {seen} | seen {seen} | date: {seen}
~ on {seen}
thing_seen_key
  2* date | seen_on
thing_finder
  ask {finder}. | {finder} knows more about it. | {finder} wrote this.
~ this is by {finder}. | {finder} wrote it.
thing_finder_bit
  by {finder} | {finder} wrote this
~ ask {finder}
thing_finder_key
  3* person | written_by | who
note
  5* {bits} | note: {bits} | {head}: {bits} | {bits}. | short note: {bits} | for the file: {bits}
~ for the file, a short note: {bits} | file note: {bits}
"""

ASKED = r"""
asked                           # with a list of keys
  4* {text}\n{Do} {keys}. | 3* {Do} {keys}.\n{text} | 2* {Do} {keys}:\n\n{text} | 3* {text}\nKeys: {keys} | 2* Keys: {keys}\n{text} | {text}\n\nKeys: {keys}\nJSON: | Text: {text}\nFields: {keys} | Fields: {keys}\n\n{text}
  Text:\n{text}\n\n{Do} {keys}. | Read this:\n{text}\n{Do} {keys}. | Here is a text.\n{text}\nPlease {do} {keys}. | From this text, {do} {keys}: {text} | {text}\nFrom this, {do} {keys}. | I need {keys} as JSON from this:\n{text}
  {text}\n\nWhat are {keys}? Answer in JSON. | JSON with {keys} please:\n{text} | {keys}\n{text} | {text}\n{keys} | Please {do} {keys}.\n\nText: {text} | Could you {do} {keys}?\n{text}
~ Read the text and {do} {keys}.\n{text} | {text}\nPlease answer in JSON with {keys}. | Text: {text}\nWhat are {keys}? | Fields: {keys}\nText:\n{text} | Here is a text: {text}\n\nI need {keys} from it. | Could you read this and {do} {keys}?\n{text}
~ Keys: {keys}\nFrom this text:\n{text}
do                              # what to do with {keys}
  3* extract | extract the values of | extract as JSON | 2* find | 2* give me | 2* return | return JSON with | write JSON with | make JSON with the keys | give a JSON object with | make a JSON object of | get | fill in | pull out | list as JSON | write down as JSON | collect | read off
~ find as JSON | extract JSON with the keys | pull out as a JSON object | write a JSON object with | make JSON of
asked_template                  # with a document to fill in
  3* {text}\n{template} | 2* Fill in this template:\n{template}\n{text} | {text}\n\nFill in: {template} | Use the form {template}\n{text} | Return JSON like {template}.\n\n{text} | {template}\n{text}
  Text: {text}\nJSON: {template} | Read this text.\n{text}\nAnswer with JSON of the form {template} | Extract JSON like {template} from this text:\n{text}
~ Read this text and fill in {template}\n{text} | Answer with JSON like {template}\nText: {text} | {text}\nUse this template: {template} | From this text:\n{text}\nfill in the form {template}
"""
