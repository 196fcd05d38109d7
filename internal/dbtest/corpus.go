package dbtest

import "github.com/semsearch/semsearch/db"

// Corpus returns a dozen short documents on everyday things. The texts may be relied on: tests name
// passages of them.
func Corpus() []db.Document {
	return []db.Document{
		{ID: "tea.txt", Title: "Green tea", Source: "tea.txt", Text: "Green tea is steeped below boiling, at about 80 degrees Celsius. Water that is too hot makes it bitter.\n\nTwo minutes are enough for the first cup. The same leaves can be used again, a little longer each time.\n"},
		{ID: "bread.md", Title: "Sourdough bread", Source: "bread.md", Format: db.FormatMarkdown, Text: "# Sourdough bread\n\nA starter of flour and water is fed every day for a week.\n\n## Baking\n\nThe oven is heated to 240 degrees. The loaf bakes for forty minutes, the first half under a lid.\n\n## Keeping\n\nBread keeps for four days in a linen bag. It should not be put into the refrigerator, where it turns stale sooner.\n"},
		{ID: "bicycle.md", Title: "Fixing a flat tyre", Source: "bicycle.md", Format: db.FormatMarkdown, Text: "# Fixing a flat tyre\n\nTake the wheel off and lever the tyre over the rim.\n\n- Pump up the inner tube and listen for the hole.\n- Roughen the rubber around it.\n- Spread the glue and wait five minutes.\n- Press the patch on firmly.\n\nFeel inside the tyre for glass or thorns before you put the tube back.\n"},
		{ID: "garden.txt", Title: "Tomatoes on the balcony", Source: "garden.txt", Text: "Tomatoes want sun, a large pot and water every day. Plant them out after the last frost, in the middle of May.\n\nBreak off the side shoots, or the plant puts its strength into leaves instead of fruit.\n"},
		{ID: "cat.txt", Title: "A new cat", Source: "cat.txt", Text: "A new cat should have one quiet room for the first days. Put food and litter into opposite corners.\n\nLet her come to you. Most cats explore the whole flat within two weeks.\n"},
		{ID: "coffee.txt", Title: "Pour-over coffee", Source: "coffee.txt", Text: "For one cup of filter coffee grind fifteen grams of beans, medium fine. Rinse the paper with hot water first.\n\nPour slowly in circles. The whole brew takes about three minutes.\n"},
		{ID: "stars.txt", Title: "Looking at stars", Source: "stars.txt", Text: "It takes the eyes twenty minutes to get used to the dark. A red lamp does not spoil night vision.\n\nJupiter's four large moons can be seen with ordinary binoculars.\n"},
		{ID: "stain.txt", Title: "Red wine on the carpet", Source: "stain.txt", Text: "Blot the stain with a clean cloth; never rub it. Then sprinkle salt on it, which draws the wine out of the fibres.\n\nSparkling water helps with fresh stains. Old ones need a mild detergent.\n"},
		{ID: "sleep.txt", Title: "Sleeping better", Source: "sleep.txt", Text: "Go to bed at the same time every night, also at the weekend. A cool, dark room helps.\n\nCaffeine stays in the body for hours: no coffee after lunch. Screens keep people awake because they are interesting, not because they are blue.\n"},
		{ID: "train.txt", Title: "Night trains", Source: "train.txt", Text: "A berth in a couchette costs about fifty euros, breakfast included. Bicycles have to be booked separately.\n\nThe train from Vienna to Venice leaves in the evening and arrives at half past eight in the morning.\n"},
		{ID: "knife.txt", Title: "Sharpening a knife", Source: "knife.txt", Text: "Soak the whetstone in water for ten minutes. Hold the blade at an angle of fifteen degrees and draw it across the stone.\n\nA sharp knife cuts paper without tearing it. It is safer than a blunt one, because it does not slip.\n"},
		{ID: "chess.txt", Title: "The clock in chess", Source: "chess.txt", Text: "In blitz each player has three or five minutes for the whole game. Whoever runs out of time loses, unless the opponent has only a king.\n\nIn long games the players get thirty seconds more for each move.\n"},
	}
}
