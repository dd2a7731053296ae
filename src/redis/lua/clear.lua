-- ARGV: worker, keys. The answer is the number of failures that were forgotten.
local changed = {}
for i = 2, #ARGV do
  local was = redis.call('HDEL', failed, ARGV[i]) + redis.call('SREM', kept, ARGV[i])
  redis.call('SREM', suspects, ARGV[i])
  redis.call('HDEL', printed, ARGV[i])
  if was > 0 then changed[#changed + 1] = ARGV[i] end
end
if #changed > 0 then publish('cleared', changed) end
return #changed
