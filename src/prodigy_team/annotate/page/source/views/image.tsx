/** A picture that can be looked at closely. */
import { useState } from "preact/hooks";
import { useHand } from "../context";
import { keys_of } from "../keys";
import { say } from "../words";

const STEPS = [1, 1.5, 2, 3, 4, 6];

interface Props {
  source: string;
  name?: string;
}

/** Each task's picture starts whole, whatever was done with the one before. */
export function Picture({ id, ...rest }: Props & { id: number }) {
  return <Frame key={`${id} ${rest.source}`} {...rest} />;
}

function Frame({ source, name }: Props) {
  const [step, set_step] = useState(0);
  const [failed, set_failed] = useState(false);
  const zoom = (by: number) => set_step((at) => Math.max(0, Math.min(STEPS.length - 1, at + by)));
  useHand({
    handle(event) {
      const pressed = keys_of(event);
      // Without shift a plus sign is an equals sign on many keyboards.
      const by = pressed.includes("+") || pressed.includes("=") ? 1 : pressed.includes("-") ? -1 : 0;
      if (by && !failed) zoom(by);
      return by !== 0 && !failed;
    },
    keys: () => (failed ? [] : [{ keys: "+ =", does: say("zoomIn") }, { keys: "-", does: say("zoomOut") }]),
  });
  if (failed) return <p class="notice" role="alert">{say("pictureFailed", { url: source.slice(0, 200) })}</p>;
  const large = step > 0;
  return (
    <figure class="picture">
      <div class={large ? "frame large" : "frame"} tabIndex={large ? 0 : undefined} role={large ? "region" : undefined} aria-label={large ? say("picture") : undefined}>
        <img
          src={source}
          alt={name ?? say("picture")}
          referrerpolicy="no-referrer"
          style={{ width: large ? `${(STEPS[step] ?? 1) * 100}%` : "" }}
          onError={() => set_failed(true)}
          onClick={() => set_step(large ? 0 : 2)}
          draggable={false}
        />
      </div>
      <figcaption>
        <button type="button" aria-label={say("zoomOut")} disabled={!large} onClick={() => zoom(-1)}>−</button>
        <button type="button" onClick={() => set_step(0)} disabled={!large}>{say("zoomReset")}</button>
        <button type="button" aria-label={say("zoomIn")} disabled={step === STEPS.length - 1} onClick={() => zoom(1)}>+</button>
      </figcaption>
    </figure>
  );
}
