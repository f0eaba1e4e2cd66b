//! Pages speak the language of whoever reads them.

use super::request::{replan, send};
use super::{FIRST_ISSUE, address, name, somebody, story};
use axum::http::Method;
use nurtured::domain::language::Language;
use nurtured::domain::span::Span;
use nurtured::domain::suppression::StopReason;
use nurtured::town::BROWSER;

story!(somebody_who_reads_spanish_unsubscribes_in_spanish, |town| {
    let ada = address("ada@albareda.example");
    let mut arrival = somebody(ada.as_str());
    arrival.fields.insert(name("language"), "es".to_owned());
    town.admit(&[arrival], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let link = town.newest_to(&ada)?.unsubscribe.expect("a way out");
    let shown = town.ask(Method::GET, &link, BROWSER, "").await?.body;
    for words in ["<html lang=\"es\">", "¿No quiere más boletines?", "Darme de baja", "Tecnofab no le enviará más boletines"]
    {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    let done = town.ask(Method::POST, &link, BROWSER, "").await?;
    assert!(done.status == 200 && done.body.contains("Se ha dado de baja"), "{}", done.body);
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    Ok(())
});

story!(an_answer_is_thanked_for_in_the_readers_language, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@bea-foods.example"));
    let mut reads_spanish = somebody(ada.as_str());
    reads_spanish.fields.insert(name("language"), "Español".to_owned());
    let mut reads_catalan = somebody(bea.as_str());
    reads_catalan.fields.insert(name("language"), "ca".to_owned());
    town.admit(&[reads_spanish, reads_catalan], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let shown = town.answer(&ada, "More than 20 hours").await?.body;
    for words in ["<html lang=\"es\">", "Gracias", "Hemos anotado: «More than 20 hours».", "2 preguntas más, si quiere"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    let shown = town.answer(&bea, "More than 20 hours").await?.body;
    assert!(shown.contains("<html lang=\"en\">") && shown.contains("We noted: “More than 20 hours”."), "{shown}");
    Ok(())
});

story!(what_went_wrong_is_said_in_the_visitors_language, |town| {
    replan(&town, |plan| plan.settings.organisation.languages = vec![Language::English, Language::Spanish])?;
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept-language", "es-MX, en;q=0.5")];
    for (method, path, status, words) in [
        (Method::GET, "/c/forged", 404, "Este enlace no lleva a ninguna parte"),
        (Method::GET, "/u/forged", 200, "¿No quiere más boletines?"),
        (Method::GET, "/nowhere", 404, "Este enlace no lleva a ninguna parte"),
        (Method::POST, "/f/no-such-form", 404, "Ese formulario no existe"),
        (Method::POST, "/f/quote", 422, "Falta su dirección de correo"),
        (Method::POST, "/c/forged", 405, "No se ha podido leer"),
        (Method::GET, "/f/%ff", 400, "No se ha podido leer"),
    ] {
        let answer = send(&town, method, path, &form, b"name=Ada").await?;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(words) && answer.body.contains("<html lang=\"es\">"), "{path}:\n{}", answer.body);
        assert!(answer.header("content-security-policy").is_some() && answer.header("cache-control") == Some("no-store"));
    }
    // So does what is refused before it is read.
    let long = format!("/a/{}", "x".repeat(600));
    for (path, header, status, words) in [
        (long.as_str(), ("accept", "*/*"), 414, "Este enlace es demasiado largo"),
        ("http://elsewhere.example/a/x", ("accept", "*/*"), 421, "Este es otro servidor"),
        ("/f/quote", ("transfer-encoding", "chunked"), 411, "No se ha podido leer"),
        ("/f/quote", ("content-length", "many"), 400, "No se ha podido leer"),
        ("/a/x", ("content-length", "1000000000"), 413, "Es demasiado grande"),
    ] {
        let answer = send(&town, Method::POST, path, &[form[0], form[1], header], b"").await?;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(words) && answer.body.contains("<html lang=\"es\">"), "{path}:\n{}", answer.body);
    }
    let program = send(&town, Method::POST, "/v1/signals", &[form[1], ("content-length", "1000000000")], b"").await?;
    assert_eq!(program.json()["detail"], "the body is too large: send it in several calls");
    let english = send(&town, Method::GET, "/c/forged", &[("accept-language", "de")], b"").await?;
    assert!(english.body.contains("This link does not lead anywhere"), "{}", english.body);
    Ok(())
});

story!(a_company_that_speaks_spanish_asks_in_spanish_whether_it_was_them, |town| {
    replan(&town, |plan| plan.settings.organisation.languages = vec![Language::Spanish, Language::English])?;
    let ada = address("ada@albareda.example");
    town.type_in("quote", &[("email", ada.as_str()), ("name", "Ada")]).await?;
    town.run_until_idle().await?;
    let mail = town.newest_to(&ada)?;
    assert_eq!(mail.subject, "Tecnofab: ¿ha rellenado usted nuestro formulario?");
    for words in [
        "El 12 de enero de 2026 se introdujo esta dirección en el formulario «quote» de Tecnofab.",
        "hasta el 11 de febrero de 2026.",
        "No es un boletín.",
    ] {
        assert!(mail.text.contains(words) && mail.html.contains(words), "{words}:\n{}\n{}", mail.text, mail.html);
    }
    let url = mail.link("confirmarlo").expect("a link");
    let shown = town.ask(Method::GET, &url, BROWSER, "").await?.body;
    let entered = "El 12 de enero de 2026 se introdujo su dirección en el formulario «quote» de Tecnofab, con estos datos:";
    for words in ["<html lang=\"es\">", "¿Fue usted?", entered, "Ada", "Sí, fui yo"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    let asks_for_english = [("accept-language", "en"), ("user-agent", BROWSER)];
    let english = send(&town, Method::GET, &url, &asks_for_english, b"").await?.body;
    assert!(english.contains("<html lang=\"en\">") && english.contains("On 12 January 2026 your address"), "{english}");
    let done = town.ask(Method::POST, &url, BROWSER, "").await?.body;
    assert!(done.contains("Queda confirmado"), "{done}");
    let done = send(&town, Method::POST, &url, &asks_for_english, b"").await?.body;
    assert!(done.contains("It is confirmed"), "{done}");
    town.clock.move_to(Span::days(31).after(town.now()));
    let late = town.ask(Method::GET, &url, BROWSER, "").await?;
    assert!(late.status == 410 && late.body.contains("Este enlace ha caducado"), "{}", late.body);
    Ok(())
});
