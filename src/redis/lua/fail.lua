-- ARGV: worker, whether a claim is needed, key, report, whether the task stays failed, what it printed.
if ARGV[2] == '1' and redis.call('HGET', claims, ARGV[3]) ~= me then return 0 end
redis.call('HSET', failed, ARGV[3], ARGV[4])
if ARGV[6] == '' then redis.call('HDEL', printed, ARGV[3]) else redis.call('HSET', printed, ARGV[3], ARGV[6]) end
redis.call(ARGV[5] == '1' and 'SADD' or 'SREM', kept, ARGV[3])
publish(ARGV[5] == '1' and 'kept' or 'failed', {ARGV[3]})
return 1
