//! Web forms as the web sends them.

use super::request::{replan, send, signals_of};
use super::{address, somebody, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::doorway::signal::Detail;
use nurtured::domain::landing_page::LandingPage;
use nurtured::domain::language::Language;
use nurtured::town::{BROWSER, Town};
use std::collections::BTreeMap;

const URLENCODED: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The fields of the last form that a prospect filled in.
async fn said(town: &Town, of: &Address) -> Result<BTreeMap<String, String>, Box<dyn std::error::Error + Send + Sync>> {
    let mut forms = signals_of(town, of).await?.into_iter().filter_map(|signal| match signal.detail {
        Detail::Form { fields, .. } | Detail::UnconfirmedForm { fields, .. } => Some(fields),
        _ => None,
    });
    Ok(forms.next_back().unwrap_or_default())
}

/// A form of the website is posted about somebody who is known.
async fn post(town: &Town, content_type: &str, body: &[u8]) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let headers = [("content-type", content_type), ("user-agent", BROWSER)];
    Ok(send(town, Method::POST, "/f/quote", &headers, body).await?.status.as_u16())
}

story!(a_form_in_latin_1_is_read, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let body = b"email=ada%40albareda.example&name=Ada+N%FA%F1ez&message=Cu%E1nto+cuesta%2C+%80%3F";
    assert_eq!(post(&town, URLENCODED.1, body).await?, 200);
    let fields = said(&town, &ada).await?;
    assert_eq!((fields["name"].as_str(), fields["message"].as_str()), ("Ada Núñez", "Cuánto cuesta, €?"));
    Ok(())
});

story!(every_value_of_a_repeated_field_is_kept, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let body = b"email=ada@albareda.example&message=fewer+stops&message=energy,+quality&lines[]=4&lines[]=6&name=Ada";
    assert_eq!(post(&town, URLENCODED.1, body).await?, 200);
    let fields = said(&town, &ada).await?;
    assert_eq!((fields["message"].as_str(), fields["lines"].as_str()), ("fewer stops\nenergy, quality", "4\n6"));
    Ok(())
});

story!(a_multipart_form_is_read, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let body = "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nada@albareda.example\r\n\
                --b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nTwo lines\r\nof café\r\n\
                --b\r\nContent-Disposition: form-data; name=\"comments\"; filename=\"hall.pdf\"\r\n\r\n%PDF\r\n--b--\r\n";
    assert_eq!(post(&town, "multipart/form-data; boundary=b", body.as_bytes()).await?, 200);
    let fields = said(&town, &ada).await?;
    assert_eq!((fields["message"].as_str(), fields["comments"].as_str()), ("Two lines\nof café", "hall.pdf (a file, not kept)"));
    Ok(())
});

story!(a_long_message_is_cut_and_says_so, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let long = |length: usize| format!("email=ada@albareda.example&message={}", "x".repeat(length));
    assert_eq!(post(&town, URLENCODED.1, long(10_000).as_bytes()).await?, 200);
    let fields = said(&town, &ada).await?;
    assert!(fields["message"].ends_with("x… cut at 4,000 characters"));
    // Beyond 16 KB a form is refused, in words; so is one of more fields than people fill in.
    let many = format!("email=ada@albareda.example{}", "&x=1".repeat(60));
    for body in [long(16 * 1024), long(600 * 1024), many] {
        let refused = send(&town, Method::POST, "/f/quote", &[URLENCODED], body.as_bytes()).await?;
        assert_eq!(refused.status, 413);
        assert!(refused.body.contains("60 fields and 16 KB"), "{}", refused.body);
    }
    for (kind, status) in [("application/json", 415), ("multipart/form-data", 422)] {
        assert_eq!(post(&town, kind, b"{}").await?, status, "{kind}");
    }
    let forms =
        signals_of(&town, &ada).await?.into_iter().filter(|signal| matches!(signal.detail, Detail::UnconfirmedForm { .. }));
    assert_eq!(forms.count(), 1, "nothing was recorded of what was refused");
    Ok(())
});

story!(a_redirect_leads_only_to_our_own_pages, |town| {
    replan(&town, |plan| {
        plan.settings.http.form_redirects = vec![LandingPage::parse("https://tecnofab.example/thanks").expect("a page")];
    })?;
    let mut number = 0;
    let mut filled = async |page: &str| {
        number += 1;
        let email = format!("ada{number}@albareda.example");
        town.type_in("quote", &[("email", email.as_str()), ("redirect", page)]).await
    };
    for ours in ["https://tecnofab.example/thanks", "https://tecnofab.example/thanks/es?form=quote#top"] {
        let answered = filled(ours).await?;
        assert_eq!((answered.status.as_u16(), answered.location.as_deref()), (303, Some(ours)));
    }
    for theirs in [
        "https://evil.example/thanks",
        "//evil.example",
        "\\\\evil.example",
        "https://tecnofab.example@evil.example/thanks",
        "https://tecnofab.example/thanks/../logout",
        "https://TECNOFAB.example.evil.example/thanks",
        "https://xn--tecnofb-4ya.example/thanks",
        "https://tecnofab.example/thanks\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/thanks",
    ] {
        let answered = filled(theirs).await?;
        assert_eq!((answered.status.as_u16(), answered.location), (200, None), "{theirs}");
        assert!(answered.body.contains("Tecnofab has received what you sent."), "{}", answered.body);
    }
    Ok(())
});

story!(a_form_thanks_in_the_companys_language_and_name, |town| {
    let thanks = async |accept: &str| {
        let headers = [URLENCODED, ("accept-language", accept)];
        send(&town, Method::POST, "/f/quote", &headers, b"email=ada@albareda.example").await.map(|answer| answer.body)
    };
    assert!(thanks("es-ES,es;q=0.9").await?.contains("Tecnofab has received"), "the company speaks English alone");
    replan(&town, |plan| plan.settings.organisation.languages = vec![Language::Spanish, Language::English])?;
    for (accept, words) in
        [("de", "Tecnofab ha recibido"), ("en-GB,en;q=0.9", "Tecnofab has received"), ("", "Tecnofab ha recibido")]
    {
        assert!(thanks(accept).await?.contains(words), "{accept}");
    }
    Ok(())
});
