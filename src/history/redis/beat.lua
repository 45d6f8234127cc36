-- Says that a node lives, and how many streams it has; and lets what it has told last until it has
-- not said so for long.
--
-- KEYS: nodes, streams, what the node has told. ARGV: the node, its streams, how long in seconds.
redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 1
