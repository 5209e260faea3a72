"""What texts tell about things: products, orders, parcels, flats to let, and things of any kind with any properties.

Tables of a phrase grammar, in the form of `told_people`.
"""

PRODUCT = r"""
product_it
  2* it | the {product} | this one
product_opening
  the {product} costs {price} euros. | new in our shop: the {product} by {brand}. | {brand} sells {a color} {product} for {price} euros. | we have {stock} pieces of the {product} in stock.
  the {product} from {brand} weighs {weight} kg. | {product}, {color}, {price} euros. | our {product} now comes in {color}. | item {sku} is the {product}. | have a look at the {product} ({sku}).
  the {product} is on sale for {price}.
~ {brand} now sells the {product} in {color}. | the {product} ({sku}) costs {price}. | our shop has {a color} {product}, item {sku}. | new in stock: {stock} pieces of the {product} by {brand}.
product_product
  the product is called {product}.
product_product_bit
  2* {product} | product: {product} | item: {product}
product_product_key
  3* product | name | item
product_price
  {it} costs {price} euros. | the price is {price}. | you pay {price} for {it_}. | {it} sells for {price} euros. | {price} euros is what we ask for {it_}.
~ {it} is yours for {price} euros. | the shop sells {it_} for {price}. | for {it_} we ask {price} euros.
product_price_bit
  {price} euros | price {price} | costs {price} | at {price}
~ for {price} euros | sells for {price}
product_price_key
  4* price | cost | amount
product_color
  {it} is {color}. | the color is {color}. | {it} comes in {color}. | painted {color}, {it} looks good.
~ in {color}, {it} looks good. | {color} is the color of {it_}.
product_color_bit
  {color} | in {color} | color: {color}
~ painted {color}
product_color_key
  4* color | paint
product_brand
  {it} is made by {brand}. | the brand is {brand}. | {brand} makes {it_}. | {it} comes from {brand}.
~ {it} is by {brand}. | {it} comes from the brand {brand}.
product_brand_bit
  by {brand} | brand: {brand} | from {brand} | {brand}
~ made by {brand}
product_brand_key
  3* brand | maker | made_by
product_stock
  there are {stock} left. | we have {stock} in stock. | {stock} pieces are in stock. | the stock is {stock}. | only {stock} pieces are left.
~ in stock there are {stock}. | we have {stock} left of {it_}.
product_stock_bit
  {stock} in stock | stock: {stock} | {stock} pieces | {stock} left
~ only {stock} in stock
product_stock_key
  3* stock | quantity | in_stock
product_weight
  {it} weighs {weight} kg. | the weight is {weight} kg. | {it} has a weight of {weight} kg. | at {weight} kg, {it} is easy to carry.
~ {it} is {weight} kg in weight. | easy to carry: {it} weighs {weight} kg.
product_weight_bit
  {weight} kg | weight {weight} kg | weighs {weight} kg
~ {weight} kg in weight
product_weight_key
  4* weight | weight_kg
product_sku
  the item number is {sku}. | {it} is item {sku}. | order {it_} as {sku}. | its code is {sku}.
~ the code to order {it_} is {sku}. | as item {sku} you can order {it_}.
product_sku_bit
  item {sku} | code {sku} | no. {sku} | {sku}
~ order as {sku}
product_sku_key
  3* sku | code | item_number
product_used_yes
  {it} is used. | {it} had an owner before. | second hand, but in good order.
~ {it} is second hand. | used, but in good order.
product_used_no
  {it} is new. | {it} has never been used. | not used at all.
~ {it} is not used. | {it} is new, never used.
product_used_yes_bit
  used | second hand
~ had an owner
product_used_no_bit
  new | not used
~ never used
product_used_key
  2* used | second_hand
"""

ORDER = r"""
order_it
  2* it | the order | order {number}
order_opening
  {customer} ordered {quantity} {item}. | order {number}: {quantity} {item} for {customer}. | {customer} bought {quantity} {item} for {total} euros. | we received order {number} from {customer}. | I would like to order {quantity} {item}. {customer}
  order {number} of {customer} is {status}. | {customer} from {city} wants {quantity} {item}. | please send {quantity} {item} to {customer} in {city}. | on {date}, {customer} ordered {item}. | hello, this is {customer}. I need {quantity} {item}.
  order {number} came in on {date}.
~ on {date} we received {quantity} {item} for {customer}. | please send order {number} to {city}. | {customer} wants to order {quantity} {item} for {total} euros. | hello, {customer} from {city}: order {number} is {status}.
order_number
  the order number is {number}. | {it} has the number {number}. | its number: {number}.
~ {number} is the order number. | the number of {it_} is {number}.
order_number_bit
  order {number} | no. {number} | number: {number} | {number}
~ order no. {number}
order_number_key
  3* order | order_number | number
order_customer
  the customer is {customer}. | {it} is for {customer}. | {customer} placed {it_}. | it was ordered by {customer}.
~ {it} was placed by {customer}. | {customer} is the customer.
order_customer_bit
  customer {customer} | for {customer} | {customer} | customer: {customer}
~ ordered by {customer}
order_customer_key
  3* customer | buyer | name
order_item
  the item is {item}. | it is about {item}. | they want {item}. | what they ordered: {item}.
~ {item} is what they want. | they ordered {item}.
order_item_bit
  {item} | item: {item} | article: {item}
~ article {item}
order_item_key
  3* item | product | article
order_quantity
  the quantity is {quantity}. | {quantity} pieces, please. | they need {quantity} of them. | {quantity} were ordered.
~ they ordered {quantity} pieces. | please send {quantity} of them.
order_quantity_bit
  {quantity} pieces | quantity {quantity} | {quantity} x | quantity: {quantity}
~ {quantity} of them
order_quantity_key
  3* quantity | count | pieces
order_total
  the total is {total} euros. | {it} comes to {total} euros. | that makes {total} euros. | the bill is {total}. | in all they pay {total} euros.
~ the bill comes to {total}. | that makes {total} in all. | for {it_} they pay {total} euros.
order_total_bit
  total {total} | {total} euros | sum {total} | total: {total}
~ bill {total} euros
order_total_key
  3* total | amount | sum
order_city
  {it} goes to {city}. | ship it to {city}. | the customer lives in {city}. | it will be sent to {city}.
~ it will go to {city}. | send it to {city}.
order_city_bit
  to {city} | ship to {city} | city: {city}
~ sent to {city}
order_city_key
  3* city | ship_to
order_status
  {it} is {status}. | the status is {status}. | {it} was marked as {status}. | at the moment {it} is {status}. | right now: {status}.
~ right now {it} is {status}. | marked as {status} at the moment.
order_status_bit
  {status} | status: {status} | status {status} | now {status}
~ marked {status}
order_status_key
  4* status | state
order_date
  {it} was placed on {date}. | the date is {date}. | we got it on {date}. | it came in on {date}.
~ on {date} {it} came in. | we got {it_} on {date}.
order_date_bit
  on {date} | date: {date} | placed {date} | {date}
~ came in {date}
order_date_key
  3* date | ordered_on | placed_on
order_paid_yes
  {it} is paid. | the customer has paid. | the bill was paid at once. | payment is here.
~ the bill is paid. | the customer paid at once.
order_paid_no
  {it} is not paid yet. | the customer has not paid. | payment is still open. | the bill is open.
~ the bill is not paid. | {it} is still open.
order_paid_yes_bit
  paid | already paid
~ payment is here
order_paid_no_bit
  not paid | payment open | unpaid
~ still open
order_paid_key
  3* paid | is_paid
order_express_yes
  send it by express. | it is urgent: express, please. | {it} goes by express.
~ express, please. | it goes by express.
order_express_no
  no express, please. | normal shipping will do. | {it} does not go by express.
~ it does not go by express. | no express: normal shipping.
order_express_yes_bit
  express | by express
~ urgent: express
order_express_no_bit
  no express | normal shipping
~ by normal shipping
order_express_key
  express
"""

PARCEL = r"""
parcel_it
  2* it | the parcel | the package
parcel_opening
  {sender} sent a parcel to {receiver}. | parcel {code} is on its way from {origin} to {goal}. | a package of {weight} kg for {receiver}. | {receiver} gets a parcel from {sender}. | parcel {code} left {origin} on {date}.
  {sender} in {origin} sends {weight} kg to {goal}. | your parcel {code} is on its way to {goal}. | tracking {code}: from {sender} to {receiver}. | pick up a parcel at {origin} and bring it to {goal}.
~ parcel {code} is on its way to {receiver}. | {sender} sends a package from {origin} to {goal}. | bring a parcel of {weight} kg to {receiver}. | tracking {code}: left {origin} on {date}.
parcel_code
  the tracking code is {code}. | track it with {code}. | {it} has the code {code}.
~ {code} is the tracking code. | with {code} you can track it.
parcel_code_bit
  code {code} | tracking {code} | {code}
~ track {code}
parcel_code_key
  3* code | tracking | tracking_code
parcel_sender
  the sender is {sender}. | {it} comes from {sender}. | {sender} sent it. | it was sent by {sender}.
~ {it} was sent by {sender}. | {sender} is the sender.
parcel_sender_bit
  sender {sender} | from {sender} | sender: {sender}
~ sent by {sender}
parcel_sender_key
  3* sender | sent_by
parcel_receiver
  the receiver is {receiver}. | {it} is for {receiver}. | give it to {receiver}. | {receiver} is waiting for it.
~ {receiver} is the receiver. | give {it_} to {receiver}.
parcel_receiver_bit
  receiver {receiver} | for {receiver} | receiver: {receiver}
~ give to {receiver}
parcel_receiver_key
  3* receiver | recipient
parcel_origin
  {it} starts in {origin}. | it was picked up in {origin}. | it left {origin}. | it comes out of {origin}.
~ {it} left {origin}. | in {origin} it was picked up.
parcel_origin_bit
  picked up in {origin} | starts in {origin} | origin: {origin}
~ left {origin}
parcel_origin_key
  3* origin | from_city | start
parcel_goal
  {it} goes to {goal}. | it must be in {goal} soon. | the destination is {goal}. | it is on its way to {goal}.
~ the way goes to {goal}. | {goal} is the destination.
parcel_goal_bit
  to {goal} | destination {goal} | destination: {goal} | goes to {goal}
~ on its way to {goal}
parcel_goal_key
  3* destination | to_city
parcel_weight
  {it} weighs {weight} kg. | the weight is {weight} kg. | it is {weight} kg heavy. | {weight} kg were weighed.
~ {it} is {weight} kg heavy. | it has a weight of {weight} kg. | a weight of {weight} kg.
parcel_weight_bit
  {weight} kg | weighs {weight} kg | weight: {weight} kg
~ {weight} kg heavy
parcel_weight_key
  4* weight | kg
parcel_date
  it will be there on {date}. | {it} was sent on {date}. | delivery is on {date}. | the date is {date}.
~ on {date} {it} will be there. | {it} was picked up on {date}.
parcel_date_bit
  on {date} | date {date} | delivery {date}
~ sent {date}
parcel_date_key
  3* date | delivery
parcel_fragile_yes
  {it} is fragile. | take care, it breaks easily. | fragile, please take care.
~ {it} breaks easily. | take care: it is fragile.
parcel_fragile_no
  {it} is not fragile. | nothing in it can break. | it does not break easily.
~ {it} does not break easily. | nothing fragile is in it.
parcel_fragile_yes_bit
  fragile | breaks easily
~ take care, fragile
parcel_fragile_no_bit
  not fragile | nothing can break
~ nothing fragile
parcel_fragile_key
  2* fragile | is_fragile
"""

FLAT = r"""
flat_it
  2* the flat | it | the apartment
flat_opening
  flat to let in {city}: {rooms} rooms, {rent} euros a month. | {owner} lets a flat with {rooms} rooms in {city}. | a flat of {area} square meters for {rent} euros. | in {city} a flat with {rooms} rooms is free from {free}.
  {rooms} rooms in {city}, {area} square meters. | to let: flat on {street}, {city}. | we found a flat on {street} for {rent} euros a month. | {owner} has a flat to let on {street}.
~ to let from {free}: a flat with {rooms} rooms. | {owner} lets {area} square meters in {city}. | in {city}, {rooms} rooms for {rent} euros. | we found {rooms} rooms on {street}, {city}.
flat_city
  {it} is in {city}. | you live in {city}. | the city is {city}. | {it} lies in the middle of {city}.
~ {it} lies in {city}. | in the middle of {city} you live.
flat_city_bit
  in {city} | {city} | city: {city}
~ middle of {city}
flat_city_key
  4* city | place
flat_street
  {it} is on {street}. | the street is {street}. | {it} lies on {street}. | you find it on {street}.
~ on {street} you find it. | {street} is the street.
flat_street_bit
  on {street} | street: {street} | {street}
~ lies on {street}
flat_street_key
  3* street | address
flat_rooms
  {it} has {rooms} rooms. | there are {rooms} rooms. | you get {rooms} rooms. | {rooms} rooms are waiting.
~ you have {rooms} rooms. | in all there are {rooms} rooms.
flat_rooms_bit
  {rooms} rooms | rooms: {rooms} | with {rooms} rooms
~ has {rooms} rooms
flat_rooms_key
  4* rooms | number_of_rooms
flat_area
  {it} has {area} square meters. | it is {area} square meters large. | the area is {area} square meters. | on {area} square meters there is room for all.
~ {it} is {area} square meters large. | there are {area} square meters in all.
flat_area_bit
  {area} square meters | {area} m2 | area {area} m2
~ {area} m2 large
flat_area_key
  3* area | square_meters | size
flat_rent
  the rent is {rent} euros. | {it} costs {rent} euros a month. | you pay {rent} euros a month. | they ask for {rent} euros.
~ a month costs {rent} euros. | for {it_} you pay {rent} euros.
flat_rent_bit
  {rent} euros | rent {rent} | {rent} a month | rent: {rent} euros
~ {rent} euros a month
flat_rent_key
  3* rent | price | monthly_rent
flat_floor
  {it} is on floor {floor}. | you live on floor {floor}. | the floor is number {floor}. | take the lift to floor {floor}.
~ {it} lies on floor {floor}. | the lift takes you to floor {floor}.
flat_floor_bit
  floor {floor} | on floor {floor} | floor: {floor}
~ lift to floor {floor}
flat_floor_key
  3* floor | level
flat_owner
  the owner is {owner}. | {it} belongs to {owner}. | please call {owner}. | {owner} lets it.
~ {it} is let by {owner}. | {owner} is the owner.
flat_owner_bit
  owner {owner} | call {owner} | owner: {owner}
~ belongs to {owner}
flat_owner_key
  3* owner | contact
flat_free
  {it} is free from {free}. | you can move in on {free}. | from {free} it is yours. | it will be free on {free}.
~ you can move in from {free}. | on {free} it is yours.
flat_free_bit
  free from {free} | from {free} | move in {free}
~ free on {free}
flat_free_key
  3* free_from | available | date
flat_furnished_yes
  {it} is furnished. | the furniture is there. | it comes with furniture.
~ {it} comes with furniture. | {it} is let with furniture.
flat_furnished_no
  {it} is not furnished. | there is no furniture. | it comes without furniture.
~ {it} comes without furniture. | {it} is let without furniture.
flat_furnished_yes_bit
  furnished | with furniture
~ comes with furniture
flat_furnished_no_bit
  not furnished | no furniture
~ without furniture
flat_furnished_key
  2* furnished | furniture
"""
