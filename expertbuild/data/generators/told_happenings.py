"""What texts tell about happenings: events that are announced, and what machines log.

Tables of a phrase grammar, in the form of `told_people`.
"""

EVENT = r"""
event_it
  2* it | the event | the evening
event_opening
  the {title} takes place in {city} on {date}. | come to the {title} at the {venue}! | {title}, {date}, {venue}. | tickets for the {title} cost {price} euros. | announcement: the {title} begins at {time}. | {host} opens the {title} in {city}.
  on {date} the {venue} opens for the {title}. | the {venue} in {city} invites you to the {title}. | do not miss the {title} with {host}. | save the date: {title} on {date}. | the {title} is back in {city}.
~ come to {city} on {date} for the {title}! | announcement: {title} with {host} at the {venue}. | the {title} opens at {time} at the {venue}. | save {date}: the {title} is in {city}. | tickets for {date} at the {venue} cost {price} euros.
event_title
  it is called {title}. | the name is {title}. | the title of the evening: {title}.
~ {title} is the name. | {it} is called {title}.
event_title_bit
  2* {title} | event: {title} | title: {title}
~ called {title}
event_title_key
  3* event | title | name
event_city
  {it} is in {city}. | you find it in {city}. | the city is {city}. | {city} is where it happens.
~ it happens in {city}. | in {city} you find it.
event_city_bit
  in {city} | {city} | city: {city}
~ happens in {city}
event_city_key
  4* city | place
event_venue
  the place is the {venue}. | doors open at the {venue}. | {it} happens at the {venue}. | go to the {venue}.
~ {it} is at the {venue}. | the doors of the {venue} open for you.
event_venue_bit
  at the {venue} | venue: {venue} | {venue}
~ in the {venue}
event_venue_key
  3* venue | hall | location
event_date
  {it} is on {date}. | the date is {date}. | the day is {date}. | it happens on {date}.
~ on {date} it happens. | {date} is the day.
event_date_bit
  on {date} | {date} | date: {date}
~ day: {date}
event_date_key
  4* date | day
event_time
  {it} starts at {time}. | doors open at {time}. | be there by {time}. | it begins at {time}.
~ at {time} doors open. | {it} begins at {time}.
event_time_bit
  at {time} | {time} | starts {time} | doors {time}
~ begins {time}
event_time_key
  3* time | starts_at | start
event_price
  a ticket costs {price} euros. | tickets are {price} euros. | you pay {price} euros at the door. | the price is {price}.
~ at the door a ticket is {price} euros. | for a ticket you pay {price}.
event_price_bit
  tickets {price} euros | {price} euros | price {price}
~ ticket: {price}
event_price_key
  3* price | ticket_price
event_seats
  there are {seats} seats. | {seats} people can come. | we have seats for {seats}. | {seats} seats are left.
~ there is room for {seats} people. | only {seats} seats are left.
event_seats_bit
  {seats} seats | seats: {seats} | room for {seats}
~ for {seats} people
event_seats_key
  3* seats | capacity
event_host
  {host} is the host. | your host is {host}. | {host} leads through the evening. | with us that night: {host}.
~ the host that night is {host}. | {host} is with us.
event_host_bit
  with {host} | host: {host} | host {host}
~ {host} is host
event_host_key
  3* host | speaker
~ led_by
event_outdoor_yes
  {it} is outdoors. | it is held in the open air. | we meet in the open air.
~ {it} is held outdoors. | outdoors, in the open air.
event_outdoor_no
  {it} is indoors. | it is not outdoors. | we stay indoors.
~ {it} is held indoors. | we do not meet outdoors.
event_outdoor_yes_bit
  outdoors | open air
~ in the open air
event_outdoor_no_bit
  indoors | not outdoors
~ held indoors
event_outdoor_key
  outdoor | outdoors | open_air
"""

LOG = r"""
log_it
  it | the {service} service | the server
log_opening
  3* {date} {time} {level} {service}: request of {user} took {ms} ms | <{level}> {date} {service} answered {user} with {status} | {time} {service} {level} user={user} status={status} | {date}T{time} {service} <{level}> {ms} ms
  2* {level}: {service} returned {status} after {ms} ms | {service} / {level} / {user} / {status} | {date} {time} {user} called {service}, status {status} | at {time} the {service} service returned {status}. | on {date} {user} got {status} from {service}.
~ {date} {service} {level}: {user} took {ms} ms | <{date} {time}> {service} returned {status} | {level} {time} {user} called {service} | at {time}, {user} got an answer from {service} after {ms} ms.
log_date
  it was {date}. | date={date} | this happened on {date}.
~ on {date} this happened.
log_date_bit
  date={date} | {date} | day={date}
~ date {date}
log_date_key
  3* date | day
log_time
  the time was {time}. | time={time} | this happened at {time}.
~ at {time} this happened.
log_time_bit
  time={time} | at {time} | {time}
~ time {time}
log_time_key
  4* time | clock
log_level
  level={level} | the level was {level}. | logged as {level}.
~ it was logged as {level}.
log_level_bit
  level={level} | {level} | <{level}>
~ level {level}
log_level_key
  3* level | severity
log_service
  service={service} | the service was {service}. | it came from {service}.
~ {service} was the service.
log_service_bit
  service={service} | in {service} | service {service}
~ from {service}
log_service_key
  3* service | component
log_user
  user={user} | the user was {user}. | {user} was logged in.
~ logged in was {user}.
log_user_bit
  user={user} | user {user} | by {user}
~ for user {user}
log_user_key
  3* user | user_id
log_status
  status={status} | the status was {status}. | it returned {status}.
~ {status} was returned as status. | returned: {status}
log_status_bit
  status={status} | status {status} | code {status} | {status}
~ with status {status}
log_status_key
  3* status | status_code
log_ms
  duration={ms}ms | it took {ms} ms. | after {ms} ms it was done. | {ms} ms went by.
~ done after {ms} ms. | it took {ms} ms in all.
log_ms_bit
  duration={ms}ms | {ms} ms | took {ms} ms
~ after {ms} ms
log_ms_key
  2* duration | ms | duration_ms
log_retry_yes
  retry=true | it was tried again. | a retry followed. | retry=yes
~ it will be tried again. | retry was true.
log_retry_no
  retry=false | it was not tried again. | no retry followed. | retry=no
~ it will not be tried again. | retry was false.
log_retry_yes_bit
  retry=true | with retry | retry=yes
~ retry yes
log_retry_no_bit
  retry=false | no retry | retry=no
~ retry false
log_retry_key
  3* retry | retried
"""
