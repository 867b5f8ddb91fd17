import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useModel } from "../settings/instance";
import { Icon } from "../parts/icons";

/** Where to write. While the assistant works, what is sent waits in the queue. */
export function Composer({ isRunning, isFull, fault, onSend, onStop }: { isRunning: boolean; isFull: boolean; fault: string | null; onSend: (text: string) => Promise<boolean>; onStop: () => void }) {
  const [text, setText] = useState("");
  const input = useRef<HTMLTextAreaElement>(null);
  const model = useModel();
  const canSend = text.trim() !== "" && !(isRunning && isFull);
  useEffect(() => input.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    if (!input.current) return;
    input.current.style.height = "auto";
    input.current.style.height = `${Math.min(input.current.scrollHeight, 200)}px`;
  }, [text]);

  const send = async () => {
    if (!canSend) return;
    const sent = text;
    setText("");
    if (!(await onSend(sent.trim()))) setText(sent);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };
  return (
    <div className="composer">
      {fault && (
        <p role="alert" className="fault">
          {fault}
        </p>
      )}
      <div>
        <textarea
          ref={input}
          data-search
          rows={1}
          aria-label="Your question"
          placeholder={isRunning ? (isFull ? "Two messages wait already" : "Write what comes next") : "Ask a question"}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={pressed}
        />
        {isRunning && (
          <button type="button" onClick={onStop} aria-label="Stop the assistant">
            <Icon name="stop" /> Stop
          </button>
        )}
        <button type="button" className="primary" onClick={send} disabled={!canSend} aria-label={isRunning ? "Queue the message" : "Send"}>
          <Icon name="send" />
        </button>
      </div>
      <small className="muted">
        {model.data?.model === null
          ? "The built-in query reader answers: it reads questions by rules, without a language model. Choose one in the settings."
          : model.data && `${model.data.model} answers. It can be wrong: look at the query behind each chart.`}
      </small>
    </div>
  );
}
