-- ARGV: worker, keys.
local any = false
for i = 2, #ARGV do
  if owner_of(redis.call('HGET', claims, ARGV[i])) == me then
    redis.call('HDEL', claims, ARGV[i])
    any = true
  end
end
if any then publish('free', {}) end
return 1
