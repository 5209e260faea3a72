"""How a dataset's report looks: on one page of HTML, and on one screen of a terminal."""
