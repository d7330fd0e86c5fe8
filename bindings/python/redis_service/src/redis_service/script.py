"""The script by which the servers add to the stream; what it takes and returns is said in lib/redis/scripts.h. The same text as there
(a test compares them), as both write what the other reads."""

PUBLISH = """\
local number, first = tonumber(ARGV[1]), tonumber(ARGV[2])
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
if number <= last then return false end
if number ~= last + 1 and number ~= first then return redis.error_reply('ORDER a message before this one is missing') end
if ARGV[5] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[5] then
  redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[4])
  return false
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 8))
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[4])
if ARGV[6] ~= '' then
  redis.call('PUBLISH', ARGV[6], string.sub(ARGV[7], 1, -3) .. ',"id":"' .. id .. '"}}')
end
local ms, count = string.match(id, '(%d+)-(%d+)')
if tonumber(count) > 1048576 then
  redis.call('XSETID', KEYS[1], string.format('%.0f-0', tonumber(ms) + 1))
end
return id
"""
