-- ARGV: worker, keys. The answer has a digit a key: whether there was a result.
local had, changed = {}, {}
for i = 2, #ARGV do
  local key = ARGV[i]
  local was = redis.call('HDEL', results, key) == 1
  local claim = redis.call('HGET', claims, key)
  if claim and claim:sub(1, 1) ~= '!' then redis.call('HSET', claims, key, '!' .. claim) end
  if was or claim then changed[#changed + 1] = key end
  had[#had + 1] = was and '1' or '0'
end
if #changed > 0 then publish('absent', changed) end
return table.concat(had)
