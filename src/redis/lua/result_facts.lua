-- ARGV: worker, key. The answer: the length of a result's record, and as much of it as facts can take.
local record = redis.call('HGET', results, ARGV[2])
return record and {#record, record:sub(1, 32 + 2 * 65535)}
