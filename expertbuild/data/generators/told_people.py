"""What texts tell about people: who they are, how to reach them, what they booked, when they meet.

Tables of a phrase grammar (see `phrases`). For a genre `g` and its field `f`: `g_opening` are first sentences, `g_f`
further ones (`g_f_yes` and `g_f_no` for what is so or not), `g_f_bit` pieces of a note, `g_f_key` what the field may be
called. `{it}` stands for whom the text is about. A sentence tells the fields that it names, and no other.
"""

PERSON = r"""
person_it
  2* {they} | {first}
person_opening
  2* {name} is {age} and lives in {city}. | {name}, {age}, is {a job} in {city}. | {name} works as {a job} at {company}. | {name} ({age}) comes from {city}. | I met {name}, {a job} from {city}.
  {name} lives in {city}. | my neighbour {name} is {age}. | this is {name} from {city}. | {name} is {a job}. | we have a new colleague, {name}. | {name} is {a age}-year-old {job} from {city}.
  {name} has worked at {company} since {joined}. | our {job} {name} lives in {city}. | let me introduce {name}, {age} years old. | {name} joined {company} on {joined}.
~ {name}, {a job} from {city}, is {age}. | {name} of {company} lives in {city}. | I met {name}, who is {age} and works at {company}. | let me introduce our {job}, {name} from {city}.
~ this is {name}, {age}, of {city}. | {name} is {a job} at {company}.
person_name
  the name is {name}.
person_name_bit
  2* {name} | name: {name}
person_name_key
  3* name | full_name | person
person_age
  2* {it} is {age} years old. | {it} is {age}. | {it} turned {age} this year. | {it} is aged {age}. | {its} age is {age}. | by now {it} is {age}.
~ {it} is now {age} years old. | this year {it} turned {age}. | aged {age}, {it} still works.
person_age_bit
  {age} years old | aged {age} | age {age} | {age} years
~ {age} years of age | now {age}
person_age_key
  4* age | years
person_city
  2* {it} lives in {city}. | {its} home is in {city}. | {it} comes from {city}. | {it} has moved to {city}. | you find {it_} in {city}. | {it} is based in {city}.
~ {its} home is {city}. | {it} now lives in {city}. | {it} is from {city}.
person_city_bit
  from {city} | lives in {city} | {city} | based in {city} | home: {city}
~ of {city} | now in {city}
person_city_key
  4* city | town | home
~ home_city
person_job
  2* {it} works as {a job}. | {it} is {a job}. | {its} job is {job}. | {it} earns a living as {a job}. | by profession {it} is {a job}. | {it} was hired as {a job}.
~ {its} profession is {job}. | {it} has a job as {a job}. | as {a job}, {it} earns a living.
person_job_bit
  {job} | works as {a job} | job: {job} | {job} by profession
~ profession: {job} | hired as {job}
person_job_key
  3* job | profession | occupation
~ job_title
person_company
  2* {it} works for {company}. | {it} is employed at {company}. | {its} employer is {company}. | {it} works at {company}. | the company is called {company}. | {company} pays {its} wages.
~ {it} has a job at {company}. | {its} company is {company}. | {company} is {its} employer.
person_company_bit
  works at {company} | employed at {company} | company: {company} | with {company}
~ works for {company} | employer: {company}
person_company_key
  3* company | employer | works_for
person_joined
  {it} started on {joined}. | {it} joined on {joined}. | {it} has been here since {joined}. | {its} first day was {joined}.
~ since {joined} {it} has been with us. | the day {it} started was {joined}.
person_joined_bit
  since {joined} | joined {joined} | started {joined}
~ first day {joined}
person_joined_key
  joined | start_date | since
person_children
  {it} has {children} children. | there are {children} children in the family. | {it} is a parent of {children}. | {it} takes care of {children} children.
~ in the family there are {children} children. | {its} children are {children} in number.
person_children_bit
  {children} children | children: {children} | parent of {children}
~ family with {children} children
person_children_key
  3* children | number_of_children
person_married_yes
  {it} is married. | {it} got married last year. | married, as far as I know. | {it} has been married for years.
~ as far as I know, {it} is married. | {it} is now married.
person_married_no
  {it} is not married. | {it} is single. | {it} has never been married. | {it} lives alone and is single.
~ as far as I know, {it} is single. | {it} is still not married.
person_married_yes_bit
  married
~ is married
person_married_no_bit
  not married | single
~ never married
person_married_key
  3* married | is_married
person_hobby
  {it} likes to {hobby}. | in {its} free time {it} loves to {hobby}. | {its} hobby is to {hobby}. | at weekends {it} goes out to {hobby}.
~ {it} loves to {hobby} at weekends. | in {its} free time {it} likes to {hobby}.
person_hobby_bit
  likes to {hobby} | hobby: {hobby}
~ loves to {hobby}
person_hobby_key
  3* hobby | likes_to | free_time
"""

CONTACT = r"""
contact_it
  2* {they} | {first}
contact_opening
  you can reach {name} at {phone}. | please call {name} of {company} at {phone}. | {name} ({email}) asked for an offer. | write to {name} at {email}. | new contact: {name}, {company}.
  {name} from {company} called today. | the contact at {company} is {name}. | add {name} to the list, phone {phone}. | {name} is our {role} at {company}. | ask {name} in {city}, phone {phone}.
~ {name} at {company}: call {phone}. | call {name}, the contact in {city}. | add {name} ({email}), {role} at {company}. | please write to {name} of {company}.
contact_name
  the contact is {name}.
contact_name_bit
  2* {name} | contact: {name} | name: {name}
contact_name_key
  3* name | contact | full_name
contact_phone
  the phone number is {phone}. | call {phone}. | {its} number is {phone}. | by phone, dial {phone}. | phone: {phone}.
~ dial {phone} to reach {it_}. | {its} phone is {phone}.
contact_phone_bit
  phone {phone} | tel. {phone} | call {phone} | {phone}
~ dial {phone} | number: {phone}
contact_phone_key
  3* phone | phone_number | tel
~ number
contact_email
  the e-mail address is {email}. | mail goes to {email}. | {it} answers mail at {email}. | {its} address is {email}. | write to {email}.
~ {its} e-mail is {email}. | at {email} {it} answers mail.
contact_email_bit
  {email} | e-mail: {email} | mail {email} | write to {email}
~ address {email}
contact_email_key
  3* email | mail | email_address
contact_company
  {it} works for {company}. | {it} is with {company}. | the company is {company}. | {it} speaks for {company}.
~ {company} is the company. | {it} works with {company}.
contact_company_bit
  of {company} | company: {company} | {company}
~ with {company} | for {company}
contact_company_key
  3* company | organization | firm
contact_role
  {it} is the {role} there. | {its} role is {role}. | {it} works as {role}. | {it} took over as {role}.
~ as {role} {it} took over. | there {it} works as {role}.
contact_role_bit
  {role} | role: {role} | works as {role}
~ as {role}
contact_role_key
  3* role | position
contact_city
  {it} sits in {city}. | the office is in {city}. | {it} is based in {city}. | visit {it_} in {city}.
~ {its} office is in {city}. | in {city} you can visit {it_}.
contact_city_bit
  in {city} | city: {city} | {city} | office in {city}
~ based in {city}
contact_city_key
  3* city | office | location
contact_newsletter_yes
  {it} wants the newsletter. | please send the newsletter too. | {it} signed up for the newsletter.
~ the newsletter: {it} wants it. | send {it_} the newsletter, please.
contact_newsletter_no
  {it} does not want the newsletter. | no newsletter, please. | do not send the newsletter.
~ please do not send {it_} the newsletter. | the newsletter {it} does not want.
contact_newsletter_yes_bit
  newsletter: yes | wants the newsletter
~ with newsletter
contact_newsletter_no_bit
  newsletter: no | no newsletter
~ without newsletter | does not want the newsletter
contact_newsletter_key
  2* newsletter | wants_newsletter
"""

BOOKING = r"""
booking_it
  2* the booking | it | the reservation
booking_opening
  {guest} booked a room in {city} for {nights} nights. | {guest} is staying at the {hotel} for {nights} nights. | a room at the {hotel} is reserved for {guest}. | {guest} arrives on {arrival} and stays {nights} nights.
  hello, I am {guest} and I would like to book the {hotel} from {arrival}. | we confirm the booking of {guest} in {city}. | {guest} needs a room for {guests} people in {city}. | booking for {guest} at the {hotel}, {nights} nights.
  please book {nights} nights in {city} for {guest}. | {guest} reserved a table for {guests} at the {hotel}.
~ a room in {city} is booked for {guest} from {arrival}. | {guest} stays {nights} nights at the {hotel}. | we confirm {nights} nights in {city} for {guest}. | hello, {guest} needs the {hotel} for {guests} people.
booking_guest
  the booking is in the name of {guest}. | the guest is {guest}.
booking_guest_bit
  2* {guest} | guest: {guest} | for {guest}
booking_guest_key
  3* guest | name | guest_name
booking_hotel
  the hotel is the {hotel}. | {it} is for the {hotel}. | the {hotel} was chosen. | they chose the {hotel}.
~ {it} is at the {hotel}. | the hotel chosen was the {hotel}.
booking_hotel_bit
  hotel {hotel} | at the {hotel} | {hotel}
~ in the {hotel}
booking_hotel_key
  4* hotel | place | house
booking_city
  {it} is in {city}. | the city is {city}. | the trip goes to {city}. | {it} takes them to {city}.
~ the trip takes them to {city}. | {city} is the city.
booking_city_bit
  in {city} | city: {city} | {city} | to {city}
~ trip to {city}
booking_city_key
  3* city | destination
booking_nights
  {it} is for {nights} nights. | they stay {nights} nights. | check-out is after {nights} nights. | {nights} nights are planned.
~ they planned {nights} nights. | after {nights} nights they check out.
booking_nights_bit
  {nights} nights | for {nights} nights | nights: {nights}
~ stays {nights} nights
booking_nights_key
  3* nights | number_of_nights | stay
booking_guests
  {it} is for {guests} people. | {guests} guests are coming. | they are {guests} in all. | there will be {guests} of them.
~ {guests} people are coming. | in all there will be {guests}.
booking_guests_bit
  {guests} guests | {guests} people | for {guests} people | party of {guests}
~ {guests} in all | people: {guests}
booking_guests_key
  2* guests | people | party_size
~ number_of_guests
booking_arrival
  arrival is on {arrival}. | they check in on {arrival}. | {it} starts on {arrival}. | the first night is {arrival}.
~ on {arrival} they check in. | {it} is from {arrival}.
booking_arrival_bit
  from {arrival} | arrival {arrival} | check-in {arrival}
~ starts {arrival}
booking_arrival_key
  3* arrival | check_in | from_date
booking_breakfast_yes
  breakfast is included. | they want breakfast. | breakfast comes with the room. | the price includes breakfast.
~ breakfast comes with it. | they want the room with breakfast.
booking_breakfast_no
  breakfast is not included. | they do not want breakfast. | the room comes without breakfast. | no breakfast, please.
~ {it} comes without breakfast. | breakfast does not come with it.
booking_breakfast_yes_bit
  with breakfast | breakfast included | breakfast: yes
~ breakfast is included
booking_breakfast_no_bit
  without breakfast | no breakfast | breakfast: no
~ breakfast not included
booking_breakfast_key
  3* breakfast | breakfast_included
booking_price
  the price is {price} euros. | {it} costs {price} euros. | they pay {price} euros in all. | the total comes to {price} euros.
~ in all {it} costs {price} euros. | the total price is {price} euros.
booking_price_bit
  {price} euros | price {price} | total {price} euros
~ costs {price}
booking_price_key
  3* price | total | cost
"""

MEETING = r"""
meeting_it
  2* the meeting | it | the call
meeting_opening
  the meeting about {topic} is on {date} at {time}. | {host} invites you to a meeting on {date}. | let us talk about {topic} at {time} in room {room}. | {host} called a meeting about {topic}.
  meeting with {host} at {time}, room {room}. | we meet on {date} at {time} to talk about {topic}. | reminder: {topic} with {host}, {date}. | can we meet at {time} on {date}? {host}
  please come to room {room} at {time}. | {host} wants to talk about {topic} for {minutes} minutes.
~ {host} wants to meet on {date} at {time}. | reminder: we talk about {topic} in room {room}. | meeting on {date}, room {room}, with {host}. | let us meet at {time}: {host} wants to talk about {topic}.
meeting_topic
  {it} is about {topic}. | we will talk about {topic}. | the topic is {topic}. | on the list: {topic}.
~ the topic of {it_} is {topic}. | about {topic} we will talk there.
meeting_topic_bit
  about {topic} | topic: {topic} | {topic}
~ to talk about {topic}
meeting_topic_key
  3* topic | subject | about
meeting_host
  {host} invites. | {it} was called by {host}. | ask {host} if you have questions. | {host} leads {it_}.
~ {it} is led by {host}. | {host} called {it_}.
meeting_host_bit
  with {host} | host: {host} | {host} | led by {host}
~ {host} leads
meeting_host_key
  3* host | organizer | with
meeting_date
  {it} takes place on {date}. | the date is {date}. | keep {date} free. | {it} was moved to {date}.
~ {it} is on {date}. | the date was moved to {date}.
meeting_date_bit
  on {date} | date: {date} | {date}
~ moved to {date}
meeting_date_key
  3* date | day | when
meeting_time
  {it} starts at {time}. | we begin at {time}. | the time is {time}. | be there at {time}.
~ at {time} we begin. | {it} is at {time}.
meeting_time_bit
  at {time} | {time} | starts {time} | time: {time}
~ from {time}
meeting_time_key
  3* time | start | starts_at
meeting_room
  we meet in room {room}. | the room is {room}. | {it} is in room {room}. | room {room} is booked.
~ we booked room {room}. | in room {room} we meet.
meeting_room_bit
  room {room} | in room {room} | room: {room}
~ booked room {room}
meeting_room_key
  3* room | place
meeting_minutes
  {it} takes {minutes} minutes. | plan {minutes} minutes for it. | after {minutes} minutes we are done. | {minutes} minutes will do.
~ {it} is planned for {minutes} minutes. | we are done after {minutes} minutes.
meeting_minutes_bit
  {minutes} minutes | {minutes} min | for {minutes} minutes
~ takes {minutes} minutes
meeting_minutes_key
  2* minutes | duration | length
meeting_online_yes
  {it} is online. | join by video. | we meet online. | a video link follows.
~ join {it_} online. | {it} is by video.
meeting_online_no
  {it} is not online. | there is no video link. | please come in person. | we do not meet online.
~ come in person, there is no link. | {it} is in person.
meeting_online_yes_bit
  online | by video
~ video link
meeting_online_no_bit
  in person | not online
~ no video
meeting_online_key
  2* online | remote | video
"""
