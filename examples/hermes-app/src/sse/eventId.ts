const ID = /^(\d+)-(\d+)$/;
const REDIS_DIGITS = 13;

/* Ids are `<hi>-<lo>`. In one process `hi` names the run and says nothing about order; with Redis Streams it is a time of 13 digits. */
function order(a: string, b: string): number | undefined {
  const left = ID.exec(a);
  const right = ID.exec(b);
  if (!left || !right) return undefined;
  const [, leftHi = '', leftLo = ''] = left;
  const [, rightHi = '', rightLo = ''] = right;
  if (leftHi === rightHi) return Number(BigInt(leftLo) - BigInt(rightLo));
  if (leftHi.length === REDIS_DIGITS && rightHi.length === REDIS_DIGITS)
    return Number(BigInt(leftHi) - BigInt(rightHi));
  return undefined;
}

/** Whether an event of this id was already seen by one who has seen `last`. Ids that cannot be compared are new. */
export function isSeen(id: string, last: string): boolean {
  const result = order(id, last);
  return result !== undefined && result <= 0;
}
