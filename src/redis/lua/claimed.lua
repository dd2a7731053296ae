-- ARGV: worker, whether workers without a heartbeat count as dead, keys (none: all). The answer: claims of living
-- workers as key, owner, key, owner..., then these owners (without keys: all workers), each followed by whether it is
-- alive, as a digit, and what it reported about itself.
local found, owners, facts = {}, {}, {}
local function add(key, owner)
  if owner and (ARGV[2] == '0' or owner == me or is_alive(owner)) then
    found[#found + 1] = key
    found[#found + 1] = owner
    owners[owner] = true
  end
end
if #ARGV == 2 then
  local all = redis.call('HGETALL', claims)
  for i = 1, #all, 2 do add(all[i], owner_of(all[i + 1])) end
else
  for i = 3, #ARGV do add(ARGV[i], owner_of(redis.call('HGET', claims, ARGV[i]))) end
end
if #ARGV == 2 then
  for _, worker in ipairs(redis.call('HKEYS', workers)) do owners[worker] = true end
end
for owner in pairs(owners) do
  facts[#facts + 1] = owner
  local lives = ARGV[2] == '0' or owner == me or is_alive(owner)
  facts[#facts + 1] = (lives and '1' or '0') .. (redis.call('HGET', workers, owner) or '')
end
return {found, facts}
