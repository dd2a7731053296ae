-- ARGV: worker, keys. The answer is the number of failures that were forgotten.
local told = {}
for i = 2, #ARGV do
  local was = redis.call('HDEL', failed, ARGV[i]) + redis.call('SREM', kept, ARGV[i])
  redis.call('SREM', suspects, ARGV[i])
  if was > 0 then told[#told + 1] = ARGV[i] end
end
if #told > 0 then tell('cleared', told) end
return #told
